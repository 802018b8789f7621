//! The ledger, and what is known of contests.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use contests::{Entry, Increment, ledger::SEPARATOR};
use futures::TryStreamExt;
use jiff::Timestamp;
use mongodb::{
    Cursor,
    action::Find,
    bson::{Bson, Document, doc},
};
use uuid::Uuid;

use super::{CHUNK, Store, binary, corrupt, date, insert::insert_new, whole};
use crate::{Error, Held, Known};

/// Entries that are marked in one call: a server that takes no index for a list compares each with all of it.
const MARKED: usize = 100;

fn document(entry: &Entry) -> Document {
    doc! {
        "_id": binary(entry.batch),
        "contest": &entry.contest,
        "revision": entry.revision.to_string(),
        "slot": i64::from(entry.slot),
        "producer": binary(entry.producer),
        "number": whole(entry.number),
        "cumulative": whole(entry.cumulative),
        "confirmed": whole(entry.confirmed),
        "last": entry.last,
        "time": date(entry.time),
        "ballots": whole(entry.ballots),
        "counted": whole(entry.counted),
        "duplicate": whole(entry.duplicate),
        "conflicting": whole(entry.conflicting),
        "over_limit": whole(entry.over_limit),
        "dead": whole(entry.dead),
        "increments": written(&entry.increments),
        "added": date(Timestamp::now()),
        "mark": 0_i64,
    }
}

/// A whole number of a document.
pub(super) fn number(row: &Document, field: &str) -> Result<u64, Error> {
    let found = match row.get(field) {
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of whole numbers")]
        Some(Bson::Double(number)) if *number >= 0.0 => Some(*number as u64),
        _ => None,
    };
    found.ok_or_else(|| corrupt(field))
}

/// A UUID of a document.
pub(super) fn id(row: &Document, field: &str) -> Result<Uuid, Error> {
    let Some(Bson::Binary(binary)) = row.get(field) else { return Err(corrupt(field)) };
    Uuid::from_slice(&binary.bytes).map_err(|_| corrupt(field))
}

/// A time of a document.
pub(super) fn time(row: &Document, field: &str) -> Result<Timestamp, Error> {
    let found = row.get_datetime(field).map_err(|_| corrupt(field))?;
    Timestamp::from_millisecond(found.timestamp_millis()).map_err(|_| corrupt(field))
}

/// Increments as one text, JSON: an entry has a hundred, and as documents they would cost the server more than all of
/// the batch's ballots.
fn written(increments: &[Increment]) -> String {
    let pairs: Vec<(String, i64)> = increments.iter().map(|i| (i.counter(), i.amount)).collect();
    serde_json::to_string(&pairs).expect("texts and numbers")
}

fn read(increments: &str) -> Option<Vec<Increment>> {
    let pairs: Vec<(String, i64)> = serde_json::from_str(increments).ok()?;
    let increment = |(counter, amount): (String, i64)| {
        let (tally, key) = counter.split_once(SEPARATOR)?;
        Some(Increment { tally: tally.to_owned(), key: key.to_owned(), amount })
    };
    pairs.into_iter().map(increment).collect()
}

pub(super) fn entry(row: &Document) -> Result<Entry, Error> {
    let text = |field| row.get_str(field).map_err(|_| corrupt(field));
    Ok(Entry {
        batch: id(row, "_id")?,
        contest: text("contest")?.to_owned(),
        revision: text("revision")?.parse().map_err(|_| corrupt("revision"))?,
        slot: u16::try_from(number(row, "slot")?).map_err(|_| corrupt("slot"))?,
        producer: id(row, "producer")?,
        number: number(row, "number")?,
        cumulative: number(row, "cumulative")?,
        confirmed: number(row, "confirmed")?,
        last: row.get_bool("last").map_err(|_| corrupt("last"))?,
        time: time(row, "time")?,
        ballots: number(row, "ballots")?,
        counted: number(row, "counted")?,
        duplicate: number(row, "duplicate")?,
        conflicting: number(row, "conflicting")?,
        over_limit: number(row, "over_limit")?,
        dead: number(row, "dead")?,
        increments: read(text("increments")?).ok_or_else(|| corrupt("increments"))?,
    })
}

pub(super) fn held(row: &Document, fresh: bool) -> Result<Held, Error> {
    let mark = u32::try_from(number(row, "mark")?).map_err(|_| corrupt("mark"))?;
    Ok(Held { entry: entry(row)?, mark, fresh })
}

pub(super) async fn freeze(store: &Store, entries: &[Entry]) -> Result<Vec<Held>, Error> {
    know(store, entries).await?;
    let rows: Vec<Document> = entries.iter().map(document).collect();
    let refused = insert_new(&store.ledger, rows.iter().collect()).await?;
    let ids: Vec<Bson> = refused.iter().map(|at| binary(entries[*at].batch).into()).collect();
    let mut there = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let mut found = store.ledger.find(doc! { "_id": { "$in": chunk } }).await?;
        while let Some(row) = found.try_next().await? {
            let held = held(&row, false)?;
            there.insert(held.entry.batch, held);
        }
    }
    let stands = |(at, entry): (usize, &Entry)| match refused.binary_search(&at) {
        Err(_) => Ok(Held { entry: entry.clone(), mark: 0, fresh: true }),
        Ok(_) => there.get(&entry.batch).cloned().ok_or_else(|| Error("an entry was there and is gone".into())),
    };
    entries.iter().enumerate().map(stands).collect()
}

/// Writes down contests, slots and producers before anything stands in them or is of them: whoever sums a contest must
/// look at each.
async fn know(store: &Store, entries: &[Entry]) -> Result<(), Error> {
    know_producers(store, entries).await?;
    let mut unknown: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    {
        let known = store.known.lock();
        for entry in entries.iter().filter(|e| !known.contains(&(e.contest.clone(), e.slot))) {
            unknown.entry(&entry.contest).or_default().push(entry.slot);
        }
    }
    for (contest, slots) in unknown {
        let each: Vec<i64> = slots.iter().copied().map(i64::from).collect();
        let new = doc! { "generation": 1_i64, "swept": date(Timestamp::UNIX_EPOCH) };
        let change = doc! { "$setOnInsert": new, "$addToSet": { "slots": { "$each": each } } };
        store.contests.update_one(doc! { "_id": contest }, change).upsert(true).await?;
        store.known.lock().extend(slots.into_iter().map(|slot| (contest.to_owned(), slot)));
    }
    Ok(())
}

async fn know_producers(store: &Store, entries: &[Entry]) -> Result<(), Error> {
    let unknown: BTreeSet<(&str, Uuid)> = {
        let known = store.known_producers.lock();
        let of = |entry: &Entry| (entry.contest.clone(), entry.producer);
        let unknown = entries.iter().filter(|entry| !known.contains(&of(entry)));
        unknown.map(|entry| (entry.contest.as_str(), entry.producer)).collect()
    };
    for (contest, producer) in unknown {
        let new = doc! { "$setOnInsert": { "contest": contest, "producer": binary(producer) } };
        let id = doc! { "_id": format!("{contest}/{producer}") };
        store.producers.update_one(id, new).upsert(true).await?;
        store.known_producers.lock().insert((contest.to_owned(), producer));
    }
    Ok(())
}

async fn all<T>(mut rows: Cursor<Document>, read: impl Fn(&Document) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        found.push(read(&row)?);
    }
    Ok(found)
}

pub(super) fn entries<'a>(store: &'a Store, contest: &str, after: Option<Uuid>) -> Find<'a, Document> {
    let mut wanted = doc! { "contest": contest };
    wanted.extend(after.map(|id| ("_id".to_owned(), doc! { "$gt": binary(id) }.into())));
    store.ledger.find(wanted).sort(doc! { "contest": 1, "_id": 1 })
}

pub(super) async fn entry_of(store: &Store, contest: &str, batch: Uuid) -> Result<Option<Held>, Error> {
    let row = store.ledger.find_one(doc! { "_id": binary(batch), "contest": contest }).await?;
    row.map(|row| held(&row, false)).transpose()
}

/// In no order of its own: with one, a server that does not take it from the index would sort all of them.
pub(super) fn marked<'a>(store: &'a Store, contest: &str, mark: u32, before: Timestamp) -> Find<'a, Document> {
    store.ledger.find(doc! { "contest": contest, "mark": i64::from(mark), "added": { "$lt": date(before) } })
}

fn ids(batches: &[Uuid]) -> Vec<Bson> {
    batches.iter().map(|id| binary(*id).into()).collect()
}

pub(super) async fn mark(store: &Store, contest: &str, generation: u32, batches: &[Uuid]) -> Result<(), Error> {
    let generation = i64::from(generation);
    for chunk in ids(batches).chunks(MARKED) {
        let wanted = doc! { "_id": { "$in": chunk }, "contest": contest, "mark": { "$lt": generation } };
        let change = doc! { "$set": { "mark": generation } };
        store.ledger.update_many(wanted, change).await?;
    }
    Ok(())
}

pub(super) async fn take_sweep(store: &Store, contest: &str, every: Duration) -> Result<bool, Error> {
    let now = Timestamp::now();
    // A little less, so that whoever swept last is not kept from its next one by a moment.
    let until = now + every.mul_f64(0.8);
    let wanted = doc! { "_id": contest, "swept": { "$not": { "$gte": date(now) } } };
    let taken = store.contests.update_one(wanted, doc! { "$set": { "swept": date(until) } }).await?;
    Ok(taken.matched_count == 1)
}

pub(super) async fn slots(store: &Store, contest: &str, mark: u32) -> Result<BTreeMap<u16, u64>, Error> {
    let known = contests(store).await?.into_iter().find(|known| known.name == contest);
    let mut slots: BTreeMap<u16, u64> = known.into_iter().flat_map(|k| k.slots).map(|slot| (slot, 0)).collect();
    let steps = [
        doc! { "$match": { "contest": contest, "mark": { "$gte": i64::from(mark) } } },
        doc! { "$group": { "_id": "$slot", "entries": { "$sum": 1 } } },
    ];
    let rows = store.ledger.aggregate(steps).await?;
    let counted = |row: &Document| {
        let slot = u16::try_from(number(row, "_id")?).map_err(|_| corrupt("slot"))?;
        Ok((slot, number(row, "entries")?))
    };
    slots.extend(all(rows, counted).await?);
    Ok(slots)
}

pub(super) async fn contests(store: &Store) -> Result<Vec<Known>, Error> {
    let rows = store.contests.find(doc! {}).sort(doc! { "_id": 1 }).await?;
    all(rows, |row| {
        let slot = |slot: &Bson| match slot {
            Bson::Int64(slot) => u16::try_from(*slot).ok(),
            Bson::Int32(slot) => u16::try_from(*slot).ok(),
            _ => None,
        };
        let slots = row.get_array("slots").map_err(|_| corrupt("slots"))?;
        let mut slots: Vec<u16> = slots.iter().filter_map(slot).collect();
        slots.sort_unstable();
        let generation = u32::try_from(number(row, "generation")?).map_err(|_| corrupt("generation"))?;
        Ok(Known { name: row.get_str("_id").map_err(|_| corrupt("_id"))?.to_owned(), generation, slots })
    })
    .await
}

pub(super) async fn advance(store: &Store, contest: &str, from: u32) -> Result<bool, Error> {
    let wanted = doc! { "_id": contest, "generation": i64::from(from) };
    let change = doc! { "$set": { "generation": i64::from(from) + 1 } };
    Ok(store.contests.update_one(wanted, change).await?.matched_count == 1)
}
