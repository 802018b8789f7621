//! Logs one batch. Everything that needs no table is done before the writer's thread takes it.

use bytes::Bytes;
use contests::Verdict;
use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::{ledger::at_most, numbered};
use crate::{Incoming, claim::Limit, key};

/// A batch, ready to be written.
pub(super) struct Prepared {
    contest: String,
    batch: Uuid,
    /// Milliseconds since 1970.
    time: i64,
    body: Bytes,
    limit: Option<Limit>,
    ballots: Vec<Ballot>,
}

enum Ballot {
    Dead,
    Cast {
        key: Vec<u8>,
        digest: i64,
        /// Only where the contest limits voters.
        voter: Option<String>,
    },
}

impl Prepared {
    pub(super) fn of(incoming: &Incoming<'_>) -> Self {
        let header = &incoming.batch.header;
        let limit = Limit::of(incoming.definition, header.time);
        let mut dead = incoming.dead.iter().peekable();
        let prepare = |(position, cast): (usize, &contests::batch::Cast<'_>)| {
            if dead.next_if_eq(&&position).is_some() {
                return Ballot::Dead;
            }
            let voter = limit.and(cast.voter).map(str::to_owned);
            Ballot::Cast { key: key::compact(cast.caller, &cast.id), digest: key::digest(incoming.batch, cast), voter }
        };
        Self {
            contest: header.contest.clone(),
            batch: header.batch,
            time: header.time.as_millisecond(),
            body: incoming.body.clone(),
            limit,
            ballots: incoming.batch.casts.iter().enumerate().map(prepare).collect(),
        }
    }
}

/// The verdicts, by position.
pub(super) fn log(tx: &Transaction<'_>, batch: Prepared) -> rusqlite::Result<Vec<Verdict>> {
    if batch.ballots.is_empty() {
        return Ok(vec![]);
    }
    let contest = numbered(tx, &batch.contest)?;
    let held = "SELECT verdicts FROM log WHERE batch = ?1";
    let held: Option<Vec<u8>> =
        tx.prepare_cached(held)?.query_row([batch.batch.as_bytes()], |row| row.get(0)).optional()?;
    if let Some(verdicts) = held {
        return Ok(verdicts.into_iter().map(verdict).collect());
    }
    let number: i64 =
        tx.prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM log")?.query_row([], |row| row.get(0))?;
    let verdicts = decide(tx, contest, number, &batch)?;
    let count = |wanted| at_most(verdicts.iter().filter(|v| **v == wanted).count());
    let (counted, over_limit) = (count(Verdict::Counted), count(Verdict::OverLimit));
    let codes: Vec<u8> = verdicts.iter().map(|v| code(*v)).collect();
    tx.prepare_cached(
        "INSERT INTO log (number, contest, batch, time, body, verdicts, counted, over_limit)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        number,
        contest,
        batch.batch.as_bytes(),
        batch.time,
        batch.body.as_ref(),
        codes,
        counted,
        over_limit
    ])?;
    Ok(verdicts)
}

fn decide(tx: &Transaction<'_>, contest: i64, log: i64, batch: &Prepared) -> rusqlite::Result<Vec<Verdict>> {
    let insert = "INSERT INTO ballot (contest, key, log, digest) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let mut insert = tx.prepare_cached(insert)?;
    let mut held = tx.prepare_cached("SELECT digest FROM ballot WHERE contest = ?1 AND key = ?2")?;
    let mut verdicts = Vec::with_capacity(batch.ballots.len());
    for ballot in &batch.ballots {
        verdicts.push(match ballot {
            Ballot::Dead => Verdict::Dead,
            Ballot::Cast { key, digest, voter } => {
                if insert.execute(params![contest, key, log, digest])? == 0 {
                    let first: i64 = held.query_row(params![contest, key], |row| row.get(0))?;
                    if first == *digest { Verdict::Duplicate } else { Verdict::Conflicting }
                } else if claimed(tx, contest, batch.limit, voter.as_deref())? {
                    Verdict::Counted
                } else {
                    Verdict::OverLimit
                }
            }
        });
    }
    Ok(verdicts)
}

/// Takes the voter's next place; `false`: there is none left.
fn claimed(tx: &Transaction<'_>, contest: i64, limit: Option<Limit>, voter: Option<&str>) -> rusqlite::Result<bool> {
    let (Some(limit), Some(voter)) = (limit, voter) else { return Ok(true) };
    let taken = "SELECT count(*) FROM claim WHERE contest = ?1 AND voter = ?2 AND period = ?3";
    let taken: i64 = tx.prepare_cached(taken)?.query_row(params![contest, voter, limit.period], |row| row.get(0))?;
    if taken >= i64::from(limit.max) {
        return Ok(false);
    }
    tx.prepare_cached("INSERT INTO claim (contest, voter, period, place) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![contest, voter, limit.period, taken])?;
    Ok(true)
}

/// How a verdict is stored.
fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Counted => 0,
        Verdict::Duplicate => 1,
        Verdict::Conflicting => 2,
        Verdict::OverLimit => 3,
        Verdict::Dead => 4,
    }
}

/// The verdict of a code.
pub(super) fn verdict(code: u8) -> Verdict {
    match code {
        0 => Verdict::Counted,
        1 => Verdict::Duplicate,
        2 => Verdict::Conflicting,
        3 => Verdict::OverLimit,
        _ => Verdict::Dead,
    }
}
