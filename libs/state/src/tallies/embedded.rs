//! Counters in the embedded database.

use std::time::Duration;

use ::embedded::Database;
use async_trait::async_trait;
use contests::{Entry, standings::Counts};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::{Applied, Member, Slot, Tallies, VERSION, counts, fields};
use crate::{Error, measure::measured};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS tally (
  contest TEXT NOT NULL, generation INTEGER NOT NULL, slot INTEGER NOT NULL, field TEXT NOT NULL,
  value INTEGER NOT NULL, PRIMARY KEY (contest, generation, slot, field)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally_batch (
  contest TEXT NOT NULL, generation INTEGER NOT NULL, slot INTEGER NOT NULL, batch BLOB NOT NULL,
  time INTEGER NOT NULL, PRIMARY KEY (contest, generation, slot, batch)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tally_batch_time ON tally_batch (contest, generation, slot, time);
";

/// Counters of a data folder.
#[derive(Debug, Clone)]
pub struct EmbeddedTallies {
    database: Database,
}

impl EmbeddedTallies {
    /// Makes the tables where they are absent.
    pub async fn open(database: Database) -> Result<Self, Error> {
        database.create(SCHEMA).await?;
        Ok(Self { database })
    }

    async fn write<T, F>(&self, operation: &'static str, write: F) -> Result<T, Error>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        measured(operation, async { Ok(self.database.write(write).await?) }).await
    }
}

/// An entry, ready to be applied.
struct Ready {
    contest: String,
    slot: u16,
    batch: Uuid,
    fields: Vec<(String, i64)>,
}

fn apply(tx: &Transaction<'_>, generation: u32, ready: &Ready, until: i64) -> rusqlite::Result<Applied> {
    let (slot, batch) = (ready.slot, ready.batch.as_bytes());
    let now = Timestamp::now().as_millisecond();
    let since = "SELECT time FROM tally_batch WHERE contest = ?1 AND generation = ?2 AND slot = ?3 AND batch = ?4";
    let parameters = params![ready.contest, generation, slot, batch];
    let since: Option<i64> = tx.prepare_cached(since)?.query_row(parameters, |row| row.get(0)).optional()?;
    if let Some(since) = since {
        return Ok(Applied::Already(Duration::from_millis(u64::try_from(now - since).unwrap_or(0))));
    }
    if now > until {
        return Ok(Applied::TooLate);
    }
    // As in Redis, a counter stays at 2^53.
    let add = "INSERT INTO tally (contest, generation, slot, field, value) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET value = max(-(1 << 53), min(1 << 53, value + excluded.value))";
    let mut add = tx.prepare_cached(add)?;
    for (field, amount) in &ready.fields {
        add.execute(params![ready.contest, generation, slot, field, amount])?;
    }
    let remember = "INSERT INTO tally_batch (contest, generation, slot, batch, time) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.prepare_cached(remember)?.execute(params![ready.contest, generation, slot, batch, now])?;
    Ok(Applied::Now)
}

fn version(db: &Connection, of: &Slot) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM tally WHERE contest = ?1 AND generation = ?2 AND slot = ?3 AND field = ?4";
    let parameters = params![of.contest, of.generation, of.slot, VERSION];
    let found: Option<i64> = db.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()?;
    Ok(found.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
}

fn all(db: &Connection, of: &Slot) -> rusqlite::Result<Counts> {
    let sql = "SELECT field, value FROM tally WHERE contest = ?1 AND generation = ?2 AND slot = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let rows =
        statement.query_map(params![of.contest, of.generation, of.slot], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counts(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter()))
}

fn remembered(db: &Connection, of: &Slot, before: i64, limit: usize) -> rusqlite::Result<Vec<Member>> {
    let sql = "SELECT batch FROM tally_batch WHERE contest = ?1 AND generation = ?2 AND slot = ?3 AND time <= ?4
               ORDER BY time LIMIT ?5";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters = params![of.contest, of.generation, of.slot, before, limit];
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| row.get::<_, [u8; 16]>(0))?;
    rows.map(|bytes| bytes.map(|bytes| Member { batch: Uuid::from_bytes(bytes), part: 0 })).collect()
}

#[async_trait]
impl Tallies for EmbeddedTallies {
    async fn apply(&self, generation: u32, entries: &[Entry], until: Timestamp) -> Result<Vec<Applied>, Error> {
        let ready = |entry: &Entry| Ready {
            contest: entry.contest.clone(),
            slot: entry.slot,
            batch: entry.batch,
            fields: fields(entry).collect(),
        };
        let (ready, until): (Vec<_>, _) = (entries.iter().map(ready).collect(), until.as_millisecond());
        self.write("tally_apply", move |tx| ready.iter().map(|one| apply(tx, generation, one, until)).collect()).await
    }

    async fn version(&self, slot: &Slot) -> Result<u64, Error> {
        measured("tally_version", async { Ok(self.database.read(|db| version(db, slot))?) }).await
    }

    async fn counts(&self, slot: &Slot) -> Result<Counts, Error> {
        let slot = slot.clone();
        measured("tally_counts", async { Ok(self.database.scan(move |db| all(db, &slot)).await?) }).await
    }

    async fn remembered(&self, slot: &Slot, before: Timestamp, limit: usize) -> Result<Vec<Member>, Error> {
        let (slot, before) = (slot.clone(), before.as_millisecond());
        let read = self.database.scan(move |db| remembered(db, &slot, before, limit));
        measured("tally_remembered", async { Ok(read.await?) }).await
    }

    async fn forget(&self, slot: &Slot, members: &[Member]) -> Result<(), Error> {
        let (slot, members) = (slot.clone(), members.to_vec());
        self.write("tally_forget", move |tx| {
            let sql = "DELETE FROM tally_batch WHERE contest = ?1 AND generation = ?2 AND slot = ?3 AND batch = ?4";
            let mut delete = tx.prepare_cached(sql)?;
            members.iter().try_for_each(|member| {
                delete.execute(params![slot.contest, slot.generation, slot.slot, member.batch.as_bytes()]).map(drop)
            })
        })
        .await
    }

    async fn drop_slot(&self, slot: &Slot) -> Result<(), Error> {
        let slot = slot.clone();
        self.write("tally_drop", move |tx| {
            for table in ["tally", "tally_batch"] {
                let sql = format!("DELETE FROM {table} WHERE contest = ?1 AND generation = ?2 AND slot = ?3");
                tx.execute(&sql, params![slot.contest, slot.generation, slot.slot])?;
            }
            Ok(())
        })
        .await
    }

    /// What was committed lasts: nothing is ever lost.
    async fn incarnation(&self) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn ready(&self) -> Result<(), Error> {
        Ok(self.database.read(|db| db.query_row("SELECT 1", [], |_| Ok(())))?)
    }
}
