//! The ledger's tables.

use std::collections::BTreeMap;

use contests::{Entry, audit::Summary, standings::Totals};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params, types::Type};
use uuid::Uuid;

use super::{number, numbered};
use crate::{Held, Known, Snapshot};

/// An entry, ready to be written.
pub(super) struct Row {
    entry: Entry,
    body: Vec<u8>,
    added: i64,
}

impl Row {
    pub(super) fn of(entry: &Entry) -> Self {
        let body = serde_json::to_vec(entry).expect("an entry has string keys only");
        Self { entry: entry.clone(), body, added: Timestamp::now().as_millisecond() }
    }
}

pub(super) fn freeze(tx: &Transaction<'_>, row: Row) -> rusqlite::Result<Held> {
    let held = "SELECT body, mark FROM entry WHERE batch = ?1";
    let held = tx.prepare_cached(held)?.query_row([row.entry.batch.as_bytes()], held_row).optional()?;
    if let Some(held) = held {
        return Ok(held);
    }
    let Row { entry, body, added } = row;
    let contest = numbered(tx, &entry.contest)?;
    tx.prepare_cached("INSERT INTO contest_slot (contest, slot) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![contest, entry.slot])?;
    tx.prepare_cached(
        "INSERT INTO entry (batch, contest, slot, producer, place, cumulative, confirmed, last, time, ballots,
           counted, duplicate, conflicting, over_limit, dead, added, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        entry.batch.as_bytes(),
        contest,
        entry.slot,
        entry.producer.as_bytes(),
        whole(entry.number),
        whole(entry.cumulative),
        whole(entry.confirmed),
        entry.last,
        entry.time.as_millisecond(),
        whole(entry.ballots),
        whole(entry.counted),
        whole(entry.duplicate),
        whole(entry.conflicting),
        whole(entry.over_limit),
        whole(entry.dead),
        added,
        body,
    ])?;
    Ok(Held { entry, mark: 0, fresh: true })
}

/// SQLite's integers are signed; numbers that no honest producer reaches are cut.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or a sum of what is never negative.
pub(super) fn count(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(|found: i64| u64::try_from(found).unwrap_or(0))
}

/// A number of rows as SQLite takes it.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn entry(body: &[u8]) -> rusqlite::Result<Entry> {
    serde_json::from_slice(body).map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(e)))
}

fn held_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held { entry: entry(row.get_ref(0)?.as_blob()?)?, mark: row.get(1)?, fresh: false })
}

/// Greater than all that are before it in a list.
fn start(after: Option<Uuid>) -> Vec<u8> {
    after.map(|id| id.as_bytes().to_vec()).unwrap_or_default()
}

pub(super) fn entries(
    db: &Connection,
    contest: &str,
    after: Option<Uuid>,
    limit: usize,
) -> rusqlite::Result<Vec<Held>> {
    let Some(contest) = number(db, contest)? else { return Ok(vec![]) };
    let sql = "SELECT body, mark FROM entry WHERE contest = ?1 AND batch > ?2 ORDER BY batch LIMIT ?3";
    db.prepare_cached(sql)?.query_map(params![contest, start(after), at_most(limit)], held_row)?.collect()
}

pub(super) fn entry_of(db: &Connection, contest: &str, batch: Uuid) -> rusqlite::Result<Option<Held>> {
    let Some(contest) = number(db, contest)? else { return Ok(None) };
    let sql = "SELECT body, mark FROM entry WHERE batch = ?1 AND contest = ?2";
    db.prepare_cached(sql)?.query_row(params![batch.as_bytes(), contest], held_row).optional()
}

pub(super) fn marked(
    db: &Connection,
    contest: &str,
    mark: u32,
    before: Timestamp,
    after: Option<Uuid>,
    limit: usize,
) -> rusqlite::Result<Vec<Entry>> {
    let Some(contest) = number(db, contest)? else { return Ok(vec![]) };
    let sql = "SELECT body FROM entry WHERE contest = ?1 AND mark = ?2 AND batch > ?3 AND added < ?4
               ORDER BY batch LIMIT ?5";
    let parameters = params![contest, mark, start(after), before.as_millisecond(), at_most(limit)];
    db.prepare_cached(sql)?.query_map(parameters, |row| entry(row.get_ref(0)?.as_blob()?))?.collect()
}

pub(super) fn mark(tx: &Transaction<'_>, contest: &str, mark: u32, batches: &[Uuid]) -> rusqlite::Result<()> {
    let contest = numbered(tx, contest)?;
    let sql = "UPDATE entry SET mark = ?1 WHERE batch = ?2 AND contest = ?3 AND mark < ?1";
    let mut update = tx.prepare_cached(sql)?;
    batches.iter().try_for_each(|batch| update.execute(params![mark, batch.as_bytes(), contest]).map(drop))
}

pub(super) fn slots(db: &Connection, contest: &str, mark: u32) -> rusqlite::Result<BTreeMap<u16, u64>> {
    let Some(contest) = number(db, contest)? else { return Ok(BTreeMap::new()) };
    let sql =
        "SELECT slot, (SELECT count(*) FROM entry e WHERE e.contest = s.contest AND e.slot = s.slot AND mark >= ?2)
               FROM contest_slot s WHERE contest = ?1";
    db.prepare_cached(sql)?.query_map(params![contest, mark], |row| Ok((row.get(0)?, count(row, 1)?)))?.collect()
}

pub(super) fn contests(db: &Connection) -> rusqlite::Result<Vec<Known>> {
    let mut slots = db.prepare_cached("SELECT slot FROM contest_slot WHERE contest = ?1 ORDER BY slot")?;
    let mut known = Vec::new();
    let mut all = db.prepare_cached("SELECT number, name, generation FROM contest ORDER BY name")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let slots = slots.query_map([number], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        known.push(Known { name: row.get(1)?, generation: row.get(2)?, slots });
    }
    // One that has only begun to be logged is known once it has an entry.
    known.retain(|contest| !contest.slots.is_empty());
    Ok(known)
}

pub(super) fn advance(tx: &Transaction<'_>, contest: &str, from: u32) -> rusqlite::Result<bool> {
    let sql = "UPDATE contest SET generation = generation + 1 WHERE name = ?1 AND generation = ?2";
    Ok(tx.prepare_cached(sql)?.execute(params![contest, from])? == 1)
}

pub(super) fn snapshot(db: &Connection, contest: &str) -> rusqlite::Result<Snapshot> {
    let Some(contest) = number(db, contest)? else { return Ok(Snapshot::default()) };
    let totals = "SELECT count(*), coalesce(sum(counted), 0), coalesce(sum(duplicate), 0),
                    coalesce(sum(conflicting), 0), coalesce(sum(over_limit), 0), coalesce(sum(dead), 0)
                  FROM entry WHERE contest = ?1";
    let totals = db.prepare_cached(totals)?.query_row([contest], |row| {
        Ok(Totals {
            batches: count(row, 0)?,
            counted: count(row, 1)?,
            duplicate: count(row, 2)?,
            conflicting: count(row, 3)?,
            over_limit: count(row, 4)?,
            dead: count(row, 5)?,
        })
    })?;
    // The columns beside max(place) are those of its row.
    let newest = "SELECT producer, last, ballots, max(place) FROM entry WHERE contest = ?1 GROUP BY producer";
    let newest: Vec<(Uuid, bool, u64)> = db
        .prepare_cached(newest)?
        .query_map([contest], |row| Ok((id(row, 0)?, row.get(1)?, count(row, 2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let producers = newest.into_iter().map(|(producer, last, ballots)| {
        summary(db, contest, producer).map(|found| Summary { last, beat: ballots == 0, ..found })
    });
    Ok(Snapshot { totals, producers: producers.collect::<rusqlite::Result<_>>()? })
}

fn summary(db: &Connection, contest: i64, producer: Uuid) -> rusqlite::Result<Summary> {
    let sql = "SELECT count(*), max(place), max(confirmed), max(cumulative), sum(ballots), max(time)
               FROM entry WHERE contest = ?1 AND producer = ?2";
    let found = db.prepare_cached(sql)?.query_row(params![contest, producer.as_bytes()], |row| {
        Ok(Summary {
            producer,
            entries: count(row, 0)?,
            highest: count(row, 1)?,
            confirmed: count(row, 2)?,
            entries_confirmed: 0,
            cumulative: count(row, 3)?,
            ballots: count(row, 4)?,
            last: false,
            beat: false,
            newest: time(row.get(5)?),
        })
    })?;
    let sql = "SELECT count(*) FROM entry WHERE contest = ?1 AND producer = ?2 AND place <= ?3";
    let parameters = params![contest, producer.as_bytes(), whole(found.confirmed)];
    let entries_confirmed = db.prepare_cached(sql)?.query_row(parameters, |row| count(row, 0))?;
    Ok(Summary { entries_confirmed, ..found })
}

/// Milliseconds since 1970 as a time.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MIN)
}

/// A UUID's column.
fn id(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Uuid::from_slice(bytes).map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(e)))
}
