//! The audit's one snapshot: two questions at one point of time.

use std::collections::HashMap;

use contests::{audit::Summary, standings::Totals};
use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use uuid::Uuid;

use super::{Store, corrupt, ledger};
use crate::{Error, Snapshot};

/// Everything in one aggregation, so that a single cursor reads one state: each producer's entries are folded, and
/// their sums added up here.
pub(super) async fn take(store: &Store, contest: &str) -> Result<Snapshot, Error> {
    let sum = |field: &str| doc! { "$sum": format!("${field}") };
    let max = |field: &str| doc! { "$max": format!("${field}") };
    let steps = [
        doc! { "$match": { "contest": contest } },
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
    let mut rows = store.ledger.aggregate(steps).allow_disk_use(true).await?;
    let mut snapshot = Snapshot::default();
    while let Some(row) = rows.try_next().await? {
        add(&mut snapshot.totals, &row)?;
        snapshot.producers.push(summary(&row)?);
    }
    snapshot.producers.sort_unstable_by_key(|summary| summary.producer);
    let confirmed = confirmed(store, contest, &snapshot.producers).await?;
    for summary in &mut snapshot.producers {
        summary.entries_confirmed = confirmed.get(&summary.producer).copied().unwrap_or(0);
    }
    Ok(snapshot)
}

fn add(totals: &mut Totals, row: &Document) -> Result<(), Error> {
    totals.batches += ledger::number(row, "entries")?;
    totals.counted += ledger::number(row, "counted")?;
    totals.duplicate += ledger::number(row, "duplicate")?;
    totals.conflicting += ledger::number(row, "conflicting")?;
    totals.over_limit += ledger::number(row, "over_limit")?;
    totals.dead += ledger::number(row, "dead")?;
    Ok(())
}

fn summary(row: &Document) -> Result<Summary, Error> {
    Ok(Summary {
        producer: ledger::id(row, "_id")?,
        entries: ledger::number(row, "entries")?,
        highest: ledger::number(row, "highest")?,
        confirmed: ledger::number(row, "confirmed")?,
        entries_confirmed: 0,
        cumulative: ledger::number(row, "cumulative")?,
        ballots: ledger::number(row, "ballots")?,
        last: row.get_bool("last").map_err(|_| corrupt("last"))?,
        beat: ledger::number(row, "newest_ballots")? == 0,
        newest: ledger::time(row, "newest")?,
    })
}

/// How many entries each producer has up to its highest `confirmed`. Asked after the sums: entries are only ever
/// added, so that one that came in between can be missing there and present here, never the other way round, and
/// a producer that is whole by this count was not whole by less.
async fn confirmed(store: &Store, contest: &str, producers: &[Summary]) -> Result<HashMap<Uuid, u64>, Error> {
    let mut counted = HashMap::new();
    for producer in producers {
        let whole = producer.entries == producer.highest;
        if whole {
            // Numbers have no gaps: all up to the highest are there.
            counted.insert(producer.producer, producer.confirmed.min(producer.highest));
            continue;
        }
        let wanted = doc! {
            "contest": contest,
            "producer": Bson::from(super::binary(producer.producer)),
            "number": { "$lte": super::whole(producer.confirmed) },
        };
        counted.insert(producer.producer, store.ledger.count_documents(wanted).await?);
    }
    Ok(counted)
}
