//! The places of a tally's keys.

use rusqlite::{Transaction, params};

use super::{ledger::at_most, numbered};
use crate::KeyDigest;

pub(super) fn take(
    tx: &Transaction<'_>,
    contest: &str,
    tally: &str,
    from: usize,
    keys: &[KeyDigest],
) -> rusqlite::Result<Vec<KeyDigest>> {
    let contest = numbered(tx, contest)?;
    let insert = "INSERT INTO tally_key (contest, tally, place, key) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let mut insert = tx.prepare_cached(insert)?;
    for (place, key) in (from..).zip(keys) {
        if insert.execute(params![contest, tally, at_most(place), key.0])? == 0 {
            break;
        }
    }
    let held = "SELECT key FROM tally_key WHERE contest = ?1 AND tally = ?2 AND place >= ?3 ORDER BY place";
    let mut held = tx.prepare_cached(held)?;
    let rows = held.query_map(params![contest, tally, at_most(from)], |row| row.get(0).map(KeyDigest))?;
    rows.collect()
}
