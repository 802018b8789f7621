//! The places of voters: one document each, never freed within its period, so that of two who want one only one gets
//! it, and a ballot that has one keeps it.

use std::collections::HashMap;

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
    ballot: String,
}

/// Where a ballot stands in what was asked.
type At = (usize, usize);

impl Claim {
    pub(super) fn of(contest: &str, limit: Limit, voter: &str, row: &Document) -> Self {
        let voter = format!("{contest}/{}/{voter}", limit.period);
        Self { voter, limit, ballot: row.get_str("_id").unwrap_or_default().to_owned() }
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
pub(super) async fn claim(store: &Store, mut asking: Vec<(Claim, At)>) -> Result<Vec<At>, Error> {
    let mut over: Vec<(String, At)> = Vec::new();
    while !asking.is_empty() {
        let taken = taken(store, &asking).await?;
        let (wanted, late) = share(&taken, asking);
        over.extend(late.into_iter().map(|(claim, at)| (claim.ballot, at)));
        let rows: Vec<Document> = wanted.iter().map(|(claim, _, place)| claim.place(*place)).collect();
        let refused = insert_new(&store.claims, rows.iter().collect()).await?;
        // Somebody else was quicker: their next place, if there is one.
        let again: Vec<bool> = (0..wanted.len()).map(|at| refused.binary_search(&at).is_ok()).collect();
        asking = wanted.into_iter().zip(again).filter(|(_, again)| *again).map(|((c, at, _), _)| (c, at)).collect();
    }
    let ids: Vec<Bson> = over.iter().map(|(ballot, _)| Bson::from(ballot.as_str())).collect();
    for chunk in ids.chunks(CHUNK) {
        let update = doc! { "$set": { "over_limit": true } };
        store.ballots.update_many(doc! { "_id": { "$in": chunk } }, update).await?;
    }
    Ok(over.into_iter().map(|(_, at)| at).collect())
}

/// The ballots that have a place, by voter.
async fn taken(store: &Store, asking: &[(Claim, At)]) -> Result<HashMap<String, Vec<String>>, Error> {
    let mut voters: Vec<&str> = asking.iter().map(|(claim, _)| claim.voter.as_str()).collect();
    voters.sort_unstable();
    voters.dedup();
    let mut taken: HashMap<String, Vec<String>> = HashMap::new();
    for chunk in voters.chunks(CHUNK) {
        let mut rows = store.claims.find(doc! { "voter": { "$in": chunk } }).await?;
        while let Some(row) = rows.try_next().await? {
            let text = |field| row.get_str(field).map(str::to_owned).map_err(|_| corrupt(field));
            taken.entry(text("voter")?).or_default().push(text("ballot")?);
        }
    }
    Ok(taken)
}

type Wanted = (Claim, At, usize);

/// Those that ask for the next places of their voters, and those for whom there is none; who has one asks for none.
fn share(taken: &HashMap<String, Vec<String>>, asking: Vec<(Claim, At)>) -> (Vec<Wanted>, Vec<(Claim, At)>) {
    let mut next: HashMap<String, usize> = HashMap::new();
    let (mut wanted, mut late) = (Vec::new(), Vec::new());
    for (claim, at) in asking {
        let held = taken.get(&claim.voter).map(Vec::as_slice).unwrap_or_default();
        if held.contains(&claim.ballot) {
            continue;
        }
        let place = next.entry(claim.voter.clone()).or_insert(held.len());
        if *place < usize::try_from(claim.limit.max).unwrap_or(usize::MAX) {
            wanted.push((claim, at, *place));
            *place += 1;
        } else {
            late.push((claim, at));
        }
    }
    (wanted, late)
}
