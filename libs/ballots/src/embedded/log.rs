//! The log's rows, read from the batches' bodies.

use contests::{Batch, Verdict, batch::Id};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params, types::Type};

use super::{
    insert::verdict,
    ledger::{at_most, count},
    number,
};
use crate::{Logged, Page, Query, Row, key};

/// Ballots that one page looks at, at most: bounds what a filter that nothing meets costs.
const LOOKED_AT: usize = 100_000;
/// Batches that are dropped in one go: what the writer does meanwhile, all wait for.
const EXPIRED: usize = 8;

/// Where a page begins: at this position of this batch, downwards.
struct Place {
    time: i64,
    number: i64,
    position: usize,
}

impl Place {
    fn of(query: &Query) -> Self {
        let parsed = query.cursor.as_deref().and_then(|cursor| {
            let mut parts = cursor.split('-');
            let place = Self {
                time: parts.next()?.parse().ok()?,
                number: parts.next()?.parse().ok()?,
                position: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(place)
        });
        let before = query.until.map_or(i64::MAX, |until| until.as_millisecond() - 1);
        // A cursor that is none begins anew.
        let place = parsed.unwrap_or(Self { time: i64::MAX, number: i64::MAX, position: usize::MAX });
        if place.time > before { Self { time: before, number: i64::MAX, position: usize::MAX } } else { place }
    }
}

pub(super) fn query(db: &Connection, contest: &str, query: &Query) -> rusqlite::Result<Page> {
    let Some(contest) = number(db, contest)? else { return Ok(Page::default()) };
    let start = Place::of(query);
    let since = query.since.map_or(i64::MIN, |since| since.as_millisecond());
    let mut statement;
    let mut found = match &query.id {
        None => {
            let sql = "SELECT time, number, body, verdicts FROM log
                       WHERE contest = ?1 AND (time, number) <= (?2, ?3) AND time >= ?4 ORDER BY time DESC, number DESC";
            statement = db.prepare_cached(sql)?;
            statement.query(params![contest, start.time, start.number, since])?
        }
        // By their numbers, not by the index of times.
        Some(id) => {
            let sql = "SELECT time, number, body, verdicts FROM log
                       WHERE number IN (SELECT value FROM json_each(?5)) AND +contest = ?1
                       AND (time, number) <= (?2, ?3) AND +time >= ?4 ORDER BY time DESC, number DESC";
            statement = db.prepare_cached(sql)?;
            let numbers = format!("{:?}", numbers(db, contest, id)?);
            statement.query(params![contest, start.time, start.number, since, numbers])?
        }
    };
    let (mut page, mut left) = (Page::default(), LOOKED_AT);
    while let Some(row) = found.next()? {
        let (time, number): (i64, i64) = (row.get(0)?, row.get(1)?);
        let below = if number == start.number { start.position } else { usize::MAX };
        let batch = decode(row.get_ref(2)?.as_blob()?)?;
        let verdicts = row.get_ref(3)?.as_blob()?;
        let looked_at = batch.casts.len().min(below);
        for (position, cast) in batch.casts.iter().enumerate().take(below).rev() {
            let verdict = verdicts.get(position).map_or(Verdict::Dead, |code| verdict(*code));
            if !matches!(verdict, Verdict::Counted | Verdict::OverLimit) || !query.wants(&batch, cast, verdict) {
                continue;
            }
            if page.rows.len() == query.limit {
                page.next = Some(format!("{time}-{number}-{}", position + 1));
                return Ok(page);
            }
            page.rows.push(Row::of(&batch, cast, verdict));
        }
        left = left.saturating_sub(looked_at);
        if left == 0 {
            page.next = Some(format!("{time}-{number}-0"));
            return Ok(page);
        }
    }
    Ok(page)
}

/// The batches that hold a contest's ballots of this id, one for each caller that has one: callers are looked for from one
/// to the next among the keys.
fn numbers(db: &Connection, contest: i64, id: &str) -> rusqlite::Result<Vec<i64>> {
    let mut next = db.prepare_cached("SELECT min(key) FROM ballot WHERE contest = ?1 AND key >= ?2")?;
    let mut log = db.prepare_cached("SELECT log FROM ballot WHERE contest = ?1 AND key = ?2")?;
    let (mut from, mut numbers) = (Vec::new(), Vec::new());
    while let Some(key) = next.query_row(params![contest, from], |row| row.get::<_, Option<Vec<u8>>>(0))? {
        let caller: Vec<u8> = key.into_iter().take_while(|byte| *byte != key::END).collect();
        let name = String::from_utf8_lossy(&caller);
        let key = key::compact(&name, &Id::Client(id));
        numbers.extend(log.query_row(params![contest, key], |row| row.get::<_, i64>(0)).optional()?);
        from = [&caller[..], &[key::END + 1]].concat();
    }
    Ok(numbers)
}

fn decode(body: &[u8]) -> rusqlite::Result<Batch<'_>> {
    Batch::decode(body).map_err(|e| rusqlite::Error::FromSqlConversionFailure(2, Type::Blob, Box::new(e)))
}

pub(super) fn logged(db: &Connection, contest: &str) -> rusqlite::Result<Logged> {
    let Some(contest) = number(db, contest)? else { return Ok(Logged::default()) };
    let sql = "SELECT coalesce(sum(counted), 0), coalesce(sum(over_limit), 0) FROM log WHERE contest = ?1";
    db.prepare_cached(sql)?
        .query_row([contest], |row| Ok(Logged { counted: count(row, 0)?, over_limit: count(row, 1)? }))
}

pub(super) fn expire(tx: &Transaction<'_>, contest: &str, before: Timestamp) -> rusqlite::Result<u64> {
    let Some(contest) = number(tx, contest)? else { return Ok(0) };
    let sql = "SELECT number, body FROM log WHERE contest = ?1 AND time < ?2 ORDER BY time, number LIMIT ?3";
    let mut select = tx.prepare_cached(sql)?;
    let mut drop_key = tx.prepare_cached("DELETE FROM ballot WHERE contest = ?1 AND key = ?2 AND log = ?3")?;
    let mut drop_batch = tx.prepare_cached("DELETE FROM log WHERE number = ?1")?;
    let mut found = select.query(params![contest, before.as_millisecond(), at_most(EXPIRED)])?;
    let mut dropped = 0;
    while let Some(row) = found.next()? {
        let number: i64 = row.get(0)?;
        for cast in &decode(row.get_ref(1)?.as_blob()?)?.casts {
            let key = key::compact(cast.caller, &cast.id);
            drop_key.execute(params![contest, key, number])?;
        }
        dropped += u64::try_from(drop_batch.execute([number])?).unwrap_or(0);
    }
    Ok(dropped)
}
