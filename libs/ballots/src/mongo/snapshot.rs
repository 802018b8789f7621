//! The audit's snapshot: what the ledger says of each producer. Entries are only ever added, and a producer's numbers have
//! no gaps: what is whole up to a number is added up once, and only what came after it is read again.

use std::collections::HashMap;

use contests::{audit::Summary, standings::Totals};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use parking_lot::Mutex;
use uuid::Uuid;

use super::{ABREAST, Store, corrupt, ledger, whole};
use crate::{Error, Snapshot};

/// Numbers of one producer that are added up by one query: some hundredths of a second.
const STEP: u64 = 20_000;

/// What was added up for good, by contest and producer.
#[derive(Debug, Default)]
pub(super) struct Folded(Mutex<HashMap<String, HashMap<Uuid, Part>>>);

/// What some entries of a producer add up to.
#[derive(Debug, Clone, Default)]
struct Part {
    totals: Totals,
    ballots: u64,
    confirmed: u64,
    cumulative: u64,
    newest: Timestamp,
    /// Of the entry of the highest number: its number, whether it is `last`, whether it has no ballots.
    highest: u64,
    last: bool,
    beat: bool,
}

impl Part {
    /// With those of higher numbers.
    fn and(&self, later: &Self) -> Self {
        let end = if later.highest > self.highest { later } else { self };
        Self {
            totals: added(&self.totals, &later.totals),
            ballots: self.ballots + later.ballots,
            confirmed: self.confirmed.max(later.confirmed),
            cumulative: self.cumulative.max(later.cumulative),
            newest: self.newest.max(later.newest),
            highest: end.highest,
            last: end.last,
            beat: end.beat,
        }
    }

    /// Whether every number up to the highest is there.
    fn is_whole(&self) -> bool {
        self.totals.batches == self.highest
    }

    fn read(row: &Document) -> Result<Self, Error> {
        Ok(Self {
            totals: Totals {
                batches: ledger::number(row, "entries")?,
                counted: ledger::number(row, "counted")?,
                duplicate: ledger::number(row, "duplicate")?,
                conflicting: ledger::number(row, "conflicting")?,
                over_limit: ledger::number(row, "over_limit")?,
                dead: ledger::number(row, "dead")?,
            },
            ballots: ledger::number(row, "ballots")?,
            confirmed: ledger::number(row, "confirmed")?,
            cumulative: ledger::number(row, "cumulative")?,
            newest: ledger::time(row, "newest")?,
            highest: ledger::number(row, "highest")?,
            last: row.get_bool("last").map_err(|_| corrupt("last"))?,
            beat: ledger::number(row, "newest_ballots")? == 0,
        })
    }
}

fn added(one: &Totals, two: &Totals) -> Totals {
    Totals {
        batches: one.batches + two.batches,
        counted: one.counted + two.counted,
        duplicate: one.duplicate + two.duplicate,
        conflicting: one.conflicting + two.conflicting,
        over_limit: one.over_limit + two.over_limit,
        dead: one.dead + two.dead,
    }
}

pub(super) async fn take(store: &Store, contest: &str) -> Result<Snapshot, Error> {
    let rows = store.producers.find(doc! { "contest": contest }).await?;
    let producers: Vec<Uuid> = rows.map(|row| ledger::id(&row?, "producer")).try_collect().await?;
    let summaries = producers.into_iter().map(|producer| summary(store, contest, producer));
    let found: Vec<Option<(Summary, Totals)>> = stream::iter(summaries).buffered(ABREAST).try_collect().await?;
    let mut snapshot = Snapshot::default();
    for (summary, totals) in found.into_iter().flatten() {
        snapshot.producers.push(summary);
        snapshot.totals = added(&snapshot.totals, &totals);
    }
    snapshot.producers.sort_unstable_by_key(|summary| summary.producer);
    Ok(snapshot)
}

/// One producer's; none where it has no entry yet.
async fn summary(store: &Store, contest: &str, producer: Uuid) -> Result<Option<(Summary, Totals)>, Error> {
    let folded = || store.folded.0.lock().get(contest).and_then(|of| of.get(&producer)).cloned().unwrap_or_default();
    let keep = |part: &Part| {
        store.folded.0.lock().entry(contest.to_owned()).or_default().insert(producer, part.clone());
    };
    let mut before = folded();
    let all = loop {
        // Its last number is there, and all before it.
        if before.last {
            break before;
        }
        let end = before.highest + STEP;
        let found = part(store, contest, producer, before.highest, Some(end)).await?;
        if found.totals.batches == STEP {
            before = before.and(&found);
            keep(&before);
            continue;
        }
        let beyond = part(store, contest, producer, end, None).await?;
        let all = before.and(&found).and(&beyond);
        if all.is_whole() {
            keep(&all);
        }
        break all;
    };
    if all.totals.batches == 0 {
        return Ok(None);
    }
    // Numbers have no gaps: of what is whole all up to the highest are there. Else counted after the sums: one that came in
    // between can be missing there and present here, never the other way round.
    let entries_confirmed = match all.is_whole() {
        true => all.confirmed.min(all.highest),
        false => {
            let from = folded().highest.min(all.confirmed);
            from + count(store, contest, producer, from, all.confirmed).await?
        }
    };
    let summary = Summary {
        producer,
        entries: all.totals.batches,
        highest: all.highest,
        confirmed: all.confirmed,
        entries_confirmed,
        cumulative: all.cumulative,
        ballots: all.ballots,
        last: all.last,
        beat: all.beat,
        newest: all.newest,
    };
    Ok(Some((summary, all.totals)))
}

fn numbered(contest: &str, producer: Uuid, above: u64, up_to: Option<u64>) -> Document {
    let mut number = doc! { "$gt": whole(above) };
    number.extend(up_to.map(|up_to| ("$lte".to_owned(), whole(up_to).into())));
    doc! { "contest": contest, "producer": super::binary(producer), "number": number }
}

async fn count(store: &Store, contest: &str, producer: Uuid, above: u64, up_to: u64) -> Result<u64, Error> {
    Ok(store.ledger.count_documents(numbered(contest, producer, above, Some(up_to))).await?)
}

/// The entries of those numbers, by one cursor: of one moment.
async fn part(store: &Store, contest: &str, producer: Uuid, above: u64, up_to: Option<u64>) -> Result<Part, Error> {
    let sum = |field: &str| doc! { "$sum": format!("${field}") };
    let max = |field: &str| doc! { "$max": format!("${field}") };
    let steps = [
        doc! { "$match": numbered(contest, producer, above, up_to) },
        doc! { "$sort": { "contest": 1, "producer": 1, "number": -1 } },
        doc! { "$group": {
            "_id": "$producer",
            "entries": { "$sum": 1 },
            "highest": { "$first": "$number" },
            "last": { "$first": "$last" },
            "newest_ballots": { "$first": "$ballots" },
            "confirmed": max("confirmed"),
            "cumulative": max("cumulative"),
            "ballots": sum("ballots"),
            "newest": max("time"),
            "counted": sum("counted"),
            "duplicate": sum("duplicate"),
            "conflicting": sum("conflicting"),
            "over_limit": sum("over_limit"),
            "dead": sum("dead"),
        } },
    ];
    let mut rows = store.ledger.aggregate(steps).await?;
    rows.try_next().await?.map_or_else(|| Ok(Part::default()), |row| Part::read(&row))
}
