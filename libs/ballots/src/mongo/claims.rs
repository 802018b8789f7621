//! The places of voters: one document each, never freed within its period, so that of two who want one only one gets
//! it, and a ballot that has one keeps it.

use std::collections::{BTreeMap, HashMap};

use contests::batch::Header;
use futures::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{CHUNK, Store, corrupt, insert::insert_new};
use crate::{Error, claim::Limit};

/// For how long places are kept after their period: longer than any batch waits in a queue.
const KEPT_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// A ballot that wants a place.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Contest, period and voter.
    voter: String,
    limit: Limit,
    /// The ballot's `_id`.
    row: String,
    /// Its batch and place there, by which it is known again when it comes again. Not its `_id`: that may be given
    /// anew once the row is gone, while the place of the first is kept.
    ballot: String,
}

/// Where a ballot stands in what was asked.
type At = (usize, usize);

impl Claim {
    pub(super) fn of(header: &Header, position: usize, limit: Limit, voter: &str, row: &str) -> Self {
        let voter = format!("{}/{}/{voter}", header.contest, limit.period);
        Self { voter, limit, row: row.to_owned(), ballot: format!("{}/{position}", header.batch.simple()) }
    }

    fn place(&self, place: usize) -> Document {
        let mut row = doc! { "_id": format!("{}/{place}", self.voter), "voter": &self.voter, "ballot": &self.ballot };
        if let Some(ends) = self.limit.ends {
            row.insert("ends", DateTime::from_millis(ends.saturating_add(KEPT_MS)));
        }
        row
    }
}

/// Gives each ballot a place, in this order; those that got none are above their voter's limit, and the log says so.
/// Several may ask for the same ballots at the same time, each beside others: nobody is above the limit until all
/// places are known to be others', and nobody has two, by the unique key of `ballot`.
pub(super) async fn claim(store: &Store, mut asking: Vec<(Claim, At)>) -> Result<Vec<At>, Error> {
    let mut over: Vec<(String, At)> = Vec::new();
    while !asking.is_empty() {
        let taken = taken(store, &asking).await?;
        let Shared { wanted, waiting, late } = share(&taken, asking);
        over.extend(late.into_iter().map(|(claim, at)| (claim.row, at)));
        let rows: Vec<Document> = wanted.iter().map(|(claim, _, place)| claim.place(*place)).collect();
        let refused = insert_new(&store.claims, rows.iter().collect()).await?;
        // Somebody else was quicker, perhaps with this very ballot.
        let again: Vec<bool> = (0..wanted.len()).map(|at| refused.binary_search(&at).is_ok()).collect();
        let again = wanted.into_iter().zip(again).filter(|(_, again)| *again).map(|((claim, at, _), _)| (claim, at));
        asking = again.chain(waiting).collect();
        // A voter's ballots keep their order, whoever of them was refused.
        asking.sort_by_key(|(_, at)| *at);
    }
    let ids: Vec<Bson> = over.iter().map(|(row, _)| Bson::from(row.as_str())).collect();
    for chunk in ids.chunks(CHUNK) {
        let update = doc! { "$set": { "over_limit": true } };
        store.ballots.update_many(doc! { "_id": { "$in": chunk } }, update).await?;
    }
    Ok(over.into_iter().map(|(_, at)| at).collect())
}

/// Places and the ballots that have them.
type Places = BTreeMap<usize, String>;

/// The places that are taken, by voter.
async fn taken(store: &Store, asking: &[(Claim, At)]) -> Result<HashMap<String, Places>, Error> {
    let mut voters: Vec<&str> = asking.iter().map(|(claim, _)| claim.voter.as_str()).collect();
    voters.sort_unstable();
    voters.dedup();
    let mut taken: HashMap<String, Places> = HashMap::new();
    for chunk in voters.chunks(CHUNK) {
        let mut rows = store.claims.find(doc! { "voter": { "$in": chunk } }).await?;
        while let Some(row) = rows.try_next().await? {
            let text = |field| row.get_str(field).map_err(|_| corrupt(field));
            let place = text("_id")?.rsplit('/').next().and_then(|place| place.parse().ok());
            let places = taken.entry(text("voter")?.to_owned()).or_default();
            places.insert(place.ok_or_else(|| corrupt("_id"))?, text("ballot")?.to_owned());
        }
    }
    Ok(taken)
}

/// Who asks for which place; those who may get one if another does not; and those for whom there is none.
#[derive(Debug, Default)]
struct Shared {
    wanted: Vec<(Claim, At, usize)>,
    waiting: Vec<(Claim, At)>,
    late: Vec<(Claim, At)>,
}

/// Gives out the free places of each voter; who has one asks for none.
fn share(taken: &HashMap<String, Places>, asking: Vec<(Claim, At)>) -> Shared {
    let (mut given, none): (HashMap<String, usize>, _) = (HashMap::new(), Places::new());
    let mut shared = Shared::default();
    for (claim, at) in asking {
        let held = taken.get(&claim.voter).unwrap_or(&none);
        if held.values().any(|ballot| *ballot == claim.ballot) {
            continue;
        }
        let next = given.get(&claim.voter).map_or(0, |last| last + 1);
        let max = usize::try_from(claim.limit.max).unwrap_or(usize::MAX);
        match (next..max).find(|place| !held.contains_key(place)) {
            Some(place) => {
                given.insert(claim.voter.clone(), place);
                shared.wanted.push((claim, at, place));
            }
            None if given.contains_key(&claim.voter) => shared.waiting.push((claim, at)),
            None => shared.late.push((claim, at)),
        }
    }
    shared
}
