//! The ballots' log and ledger in the embedded database: a row per ballot's key, and the batches as they came.
//!
//! What a ballot says stands in its batch's body only, which is read again where the log is asked; so a ballot costs
//! one small row, and the keys that Marea gives go to the end of their table.

mod insert;
mod ledger;
mod log;
mod places;

use std::collections::BTreeMap;

use ::embedded::Database;
use async_trait::async_trait;
use contests::{Entry, Verdict};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{BallotLog, Error, Held, Incoming, KeyDigest, Known, Logged, Page, Query, Snapshot, measure::measured};

/// Entries that are read at a time.
const PAGE: usize = 500;

/// `ballot`: who was first. `log`: the batches that have rows in the log. `claim`: the places of voters.
/// `entry`: the ledger. `tally_key`: the keys that a tally has counters for.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS contest (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS contest_slot (
  contest INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (contest, slot)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ballot (
  contest INTEGER NOT NULL, key BLOB NOT NULL, log INTEGER NOT NULL, digest INTEGER NOT NULL,
  PRIMARY KEY (contest, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
  number INTEGER PRIMARY KEY, contest INTEGER NOT NULL, batch BLOB NOT NULL UNIQUE, time INTEGER NOT NULL,
  body BLOB NOT NULL, verdicts BLOB NOT NULL, counted INTEGER NOT NULL, over_limit INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS log_time ON log (contest, time, number);
CREATE TABLE IF NOT EXISTS claim (
  contest INTEGER NOT NULL, voter TEXT NOT NULL, period INTEGER NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (contest, voter, period, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally_key (
  contest INTEGER NOT NULL, tally TEXT NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL,
  PRIMARY KEY (contest, tally, place), UNIQUE (contest, tally, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY, batch BLOB NOT NULL UNIQUE, contest INTEGER NOT NULL, slot INTEGER NOT NULL,
  producer BLOB NOT NULL, place INTEGER NOT NULL, cumulative INTEGER NOT NULL, confirmed INTEGER NOT NULL,
  last INTEGER NOT NULL, time INTEGER NOT NULL, ballots INTEGER NOT NULL, counted INTEGER NOT NULL,
  duplicate INTEGER NOT NULL, conflicting INTEGER NOT NULL, over_limit INTEGER NOT NULL, dead INTEGER NOT NULL,
  added INTEGER NOT NULL, mark INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entry_order ON entry (contest, batch);
CREATE INDEX IF NOT EXISTS entry_mark ON entry (contest, mark, batch, added);
CREATE INDEX IF NOT EXISTS entry_slot ON entry (contest, slot, mark);
CREATE INDEX IF NOT EXISTS entry_producer ON entry (contest, producer, place, confirmed, cumulative, ballots, time);
";

/// Ballots in the embedded database.
#[derive(Debug, Clone)]
pub struct EmbeddedBallots {
    database: Database,
}

impl From<::embedded::Error> for Error {
    fn from(error: ::embedded::Error) -> Self {
        Self(error.to_string())
    }
}

impl EmbeddedBallots {
    /// Makes the tables where they are absent.
    pub async fn open(database: Database) -> Result<Self, Error> {
        database.create(SCHEMA).await?;
        Ok(Self { database })
    }

    async fn write<T, F>(&self, operation: &'static str, write: F) -> Result<T, Error>
    where
        F: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        measured(operation, async { Ok(self.database.write(write).await?) }).await
    }

    async fn scan<T, F>(&self, operation: &'static str, read: F) -> Result<T, Error>
    where
        F: FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        measured(operation, async { Ok(self.database.scan(read).await?) }).await
    }
}

/// Everything after `first`, page by page.
fn pages<'a, T: Send + 'a, F>(
    first: Option<Uuid>,
    page: impl Fn(Option<Uuid>) -> F + Send + 'a,
    id: fn(&T) -> Uuid,
) -> BoxStream<'a, Result<T, Error>>
where
    F: Future<Output = Result<Vec<T>, Error>> + Send + 'a,
{
    let next = move |after: Option<Option<Uuid>>| {
        let page = after.map(&page);
        async move {
            let Some(page) = page else { return Ok::<_, Error>(None) };
            let rows = page.await?;
            let next = (rows.len() == PAGE).then(|| rows.last().map(id));
            Ok(Some((stream::iter(rows.into_iter().map(Ok)), next)))
        }
    };
    stream::try_unfold(Some(first), next).try_flatten().boxed()
}

#[async_trait]
impl BallotLog for EmbeddedBallots {
    async fn insert(&self, batches: &[Incoming<'_>]) -> Result<Vec<Vec<Verdict>>, Error> {
        let prepared: Vec<_> = batches.iter().map(insert::Prepared::of).collect();
        self.write("insert", move |tx| prepared.into_iter().map(|batch| insert::log(tx, batch)).collect()).await
    }

    async fn places(
        &self,
        contest: &str,
        tally: &str,
        from: usize,
        keys: &[KeyDigest],
    ) -> Result<Vec<KeyDigest>, Error> {
        let (contest, tally, keys) = (contest.to_owned(), tally.to_owned(), keys.to_vec());
        self.write("places", move |tx| places::take(tx, &contest, &tally, from, &keys)).await
    }

    async fn freeze(&self, entries: &[Entry]) -> Result<Vec<Held>, Error> {
        let rows: Vec<_> = entries.iter().map(ledger::Row::of).collect();
        self.write("freeze", move |tx| rows.into_iter().map(|row| ledger::freeze(tx, row)).collect()).await
    }

    fn entries<'a>(&'a self, contest: &str, after: Option<Uuid>) -> BoxStream<'a, Result<Held, Error>> {
        let contest = contest.to_owned();
        let page = move |after| {
            let contest = contest.clone();
            self.scan("entries", move |db| ledger::entries(db, &contest, after, PAGE))
        };
        pages(after, page, |held: &Held| held.entry.batch)
    }

    async fn entry(&self, contest: &str, batch: Uuid) -> Result<Option<Held>, Error> {
        let contest = contest.to_owned();
        self.scan("entry", move |db| ledger::entry_of(db, &contest, batch)).await
    }

    fn marked<'a>(&'a self, contest: &str, mark: u32, before: Timestamp) -> BoxStream<'a, Result<Entry, Error>> {
        let contest = contest.to_owned();
        let page = move |after| {
            let contest = contest.clone();
            self.scan("marked", move |db| ledger::marked(db, &contest, mark, before, after, PAGE))
        };
        pages(None, page, |entry: &Entry| entry.batch)
    }

    async fn mark(&self, contest: &str, generation: u32, batches: &[Uuid]) -> Result<(), Error> {
        let (contest, batches) = (contest.to_owned(), batches.to_vec());
        self.write("mark", move |tx| ledger::mark(tx, &contest, generation, &batches)).await
    }

    async fn slots(&self, contest: &str, mark: u32) -> Result<BTreeMap<u16, u64>, Error> {
        let contest = contest.to_owned();
        self.scan("slots", move |db| ledger::slots(db, &contest, mark)).await
    }

    async fn contests(&self) -> Result<Vec<Known>, Error> {
        self.scan("contests", ledger::contests).await
    }

    async fn advance(&self, contest: &str, from: u32) -> Result<bool, Error> {
        let contest = contest.to_owned();
        self.write("advance", move |tx| ledger::advance(tx, &contest, from)).await
    }

    async fn query(&self, contest: &str, query: &Query) -> Result<Page, Error> {
        let (contest, query) = (contest.to_owned(), query.clone());
        self.scan("query", move |db| log::query(db, &contest, &query)).await
    }

    async fn logged(&self, contest: &str) -> Result<Logged, Error> {
        let contest = contest.to_owned();
        self.scan("logged", move |db| log::logged(db, &contest)).await
    }

    async fn snapshot(&self, contest: &str) -> Result<Snapshot, Error> {
        let contest = contest.to_owned();
        self.scan("snapshot", move |db| ledger::snapshot(db, &contest)).await
    }

    async fn expire(&self, contest: &str, before: Timestamp) -> Result<u64, Error> {
        let contest = contest.to_owned();
        self.write("expire", move |tx| log::expire(tx, &contest, before)).await
    }

    async fn ready(&self) -> Result<(), Error> {
        Ok(self.database.read(|db| db.query_row("SELECT 1", [], |_| Ok(())))?)
    }
}

/// A contest's number, where the database knows it.
fn number(db: &rusqlite::Connection, contest: &str) -> rusqlite::Result<Option<i64>> {
    use rusqlite::OptionalExtension;
    db.prepare_cached("SELECT number FROM contest WHERE name = ?1")?.query_row([contest], |row| row.get(0)).optional()
}

/// A contest's number, given now where it has none.
fn numbered(tx: &rusqlite::Transaction<'_>, contest: &str) -> rusqlite::Result<i64> {
    if let Some(known) = number(tx, contest)? {
        return Ok(known);
    }
    tx.prepare_cached("INSERT INTO contest (name) VALUES (?1) RETURNING number")?.query_row([contest], |row| row.get(0))
}
