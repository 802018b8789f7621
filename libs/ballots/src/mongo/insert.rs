//! Logs batches: one unordered insert, then a look at what was there already, then the voters' places.

use std::collections::HashMap;

use contests::{Batch, Definition, Value, Verdict, batch::Cast};
use futures::{StreamExt, TryStreamExt, stream::FuturesOrdered};
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::ErrorKind,
};
use serde::Serialize;

use super::{ABREAST, CHUNK, DUPLICATE_KEY, Store, binary, claims, corrupt, date};
use crate::{Error, Incoming, claim::Limit, key};

/// Ballots to be logged, and what became of each so far.
pub(super) struct Prepared {
    ballots: Vec<Ballot>,
    verdicts: Vec<Vec<Verdict>>,
}

/// One that fits its definition.
struct Ballot {
    batch: usize,
    position: usize,
    id: String,
    /// As bytes: as a document it takes ten times the memory, and a round has thousands.
    row: RawDocumentBuf,
    /// Whose places are limited.
    claim: Option<claims::Claim>,
}

pub(super) fn prepare(batches: &[Incoming<'_>]) -> Result<Prepared, Error> {
    let mut prepared = Prepared { ballots: Vec::new(), verdicts: Vec::new() };
    for (number, incoming) in batches.iter().enumerate() {
        let mut verdicts = vec![Verdict::Counted; incoming.batch.casts.len()];
        let limit = Limit::of(incoming.definition, incoming.batch.header.time);
        let mut dead = incoming.dead.iter().peekable();
        for (position, cast) in incoming.batch.casts.iter().enumerate() {
            if dead.next_if_eq(&&position).is_some() {
                verdicts[position] = Verdict::Dead;
                continue;
            }
            let header = &incoming.batch.header;
            // Neither a contest's name nor a caller's holds a slash.
            let id = format!("{}/{}/{}", header.contest, cast.caller, cast.id);
            let row = row(incoming.batch, position, cast, incoming.definition, &id);
            let row = RawDocumentBuf::try_from(&row).map_err(|e| Error(format!("the ballot {id}: {e}")))?;
            let claim = |(limit, voter)| claims::Claim::of(header, position, limit, voter, &id);
            let claim = limit.zip(cast.voter).map(claim);
            prepared.ballots.push(Ballot { batch: number, position, id, row, claim });
        }
        prepared.verdicts.push(verdicts);
    }
    Ok(prepared)
}

/// A ballot as its document. Names are whole words: people read this log with other tools too.
fn row(batch: &Batch<'_>, position: usize, cast: &Cast<'_>, definition: &Definition, id: &str) -> Document {
    let header = &batch.header;
    let mut fields = Document::new();
    for (field, value) in header.fields.iter().zip(batch.values(cast)) {
        match value {
            Value::Missing => {}
            Value::Text(text) => drop(fields.insert(&field.name, text.as_ref())),
            Value::Integer(number) => drop(fields.insert(&field.name, *number)),
        }
    }
    let mut row = doc! {
        "_id": id,
        "contest": &header.contest,
        "caller": cast.caller,
        "id": cast.id.to_string(),
        "time": date(header.time),
        "batch": binary(header.batch),
        "position": i64::try_from(position).unwrap_or(i64::MAX),
        "digest": key::digest(batch, cast),
        "fields": fields,
    };
    if let Some(voter) = cast.voter {
        row.insert("voter", voter);
    }
    let ends = definition.retention.and_then(|kept| header.time.checked_add(kept).ok());
    if let Some(ends) = ends {
        row.insert("ends", date(ends));
    }
    row
}

pub(super) async fn log(store: &Store, prepared: Prepared) -> Result<Vec<Vec<Verdict>>, Error> {
    let Prepared { ballots, mut verdicts } = prepared;
    let rows = ballots.iter().map(|ballot| &ballot.row).collect();
    let refused = insert_new(&store.ballots.clone_with_type(), rows).await?;
    let held = held(store, refused.iter().map(|at| &ballots[*at]).collect()).await?;
    // Those of this batch's own: where they stood before, their voters' places are looked at again.
    let mut own = vec![true; ballots.len()];
    for at in refused {
        let ballot = &ballots[at];
        let gone = || Error(format!("the ballot {} was there and is gone", ballot.id));
        let first = held.get(&ballot.id).ok_or_else(gone)?;
        let own_row = Document::try_from(&ballot.row).map_err(|_| corrupt("_id"))?;
        let same = |field| first.get(field) == own_row.get(field);
        if same("batch") && same("position") {
            continue;
        }
        own[at] = false;
        let conflicting = !same("digest");
        verdicts[ballot.batch][ballot.position] = if conflicting { Verdict::Conflicting } else { Verdict::Duplicate };
    }
    let asking = ballots
        .iter()
        .zip(own)
        .filter(|(_, own)| *own)
        .filter_map(|(ballot, _)| ballot.claim.clone().map(|claim| (claim, (ballot.batch, ballot.position))));
    for (batch, position) in claims::claim(store, asking.collect()).await? {
        verdicts[batch][position] = Verdict::OverLimit;
    }
    Ok(verdicts)
}

/// Inserts what is not there, unordered. The positions of those of which the `_id` is there; any other error fails
/// the whole, and what was inserted is recognised when it comes again.
pub(super) async fn insert_new<T: Serialize + Send + Sync>(
    collection: &Collection<T>,
    rows: Vec<&T>,
) -> Result<Vec<usize>, Error> {
    let mut inserting = FuturesOrdered::new();
    let mut refused = Vec::new();
    for (number, chunk) in rows.chunks(CHUNK).enumerate() {
        if inserting.len() == ABREAST {
            refused.extend(inserting.next().await.transpose()?.into_iter().flatten());
        }
        inserting.push_back(insert_chunk(collection, number * CHUNK, chunk));
    }
    while let Some(found) = inserting.try_next().await? {
        refused.extend(found);
    }
    Ok(refused)
}

async fn insert_chunk<T: Serialize + Send + Sync>(
    collection: &Collection<T>,
    first: usize,
    rows: &[&T],
) -> Result<Vec<usize>, Error> {
    let Err(error) = collection.insert_many(rows.iter().copied()).ordered(false).await else { return Ok(vec![]) };
    let mut found: Vec<usize> = duplicates(error)?.into_iter().map(|at| first + at).collect();
    found.sort_unstable();
    Ok(found)
}

/// The positions of duplicate keys, where nothing else went wrong.
pub(super) fn duplicates(error: mongodb::error::Error) -> Result<Vec<usize>, Error> {
    let ErrorKind::InsertMany(failed) = error.kind.as_ref() else { return Err(error.into()) };
    let errors = failed.write_errors.as_deref().unwrap_or_default();
    // Written, but not by a majority: it is not known to last.
    if failed.write_concern_error.is_some() || errors.iter().any(|e| e.code != DUPLICATE_KEY) {
        return Err(error.into());
    }
    Ok(errors.iter().map(|e| e.index).collect())
}

/// The rows that are there, by `_id`.
async fn held(store: &Store, ballots: Vec<&Ballot>) -> Result<HashMap<String, Document>, Error> {
    let ids: Vec<Bson> = ballots.iter().map(|ballot| ballot.id.as_str().into()).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let wanted = doc! { "_id": { "$in": chunk } };
        let shown = doc! { "batch": 1, "position": 1, "digest": 1 };
        let mut rows = store.ballots.find(wanted).projection(shown).await?;
        while let Some(row) = rows.try_next().await? {
            found.insert(row.get_str("_id").map_err(|_| corrupt("_id"))?.to_owned(), row);
        }
    }
    Ok(found)
}
