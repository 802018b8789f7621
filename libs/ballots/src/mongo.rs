//! The ballots' log and ledger in MongoDB, by the official driver.
//!
//! Everything is written with `w: majority, j: true` and read from the primary with read concern `majority`: what was
//! answered survives every fail-over. No transaction is needed: the unique `_id` of a ballot, of a voter's place and
//! of an entry decides, whoever comes first. Collections: `ballots`, `claims`, `keys`, `ledger`,
//! `contests`, `producers`, and `hands`, which alone need not last.

mod claims;
mod connect;
mod hands;
mod insert;
mod ledger;
mod log;
mod places;
mod snapshot;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
pub use connect::ConnectError;
use contests::{Entry, Verdict};
use futures::{
    StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use mongodb::{Collection, Cursor, Database, action::Find, bson::Document};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{
    BallotLog, Error, Hand, Held, Incoming, KeyDigest, Known, Logged, Page, Query, Snapshot, measure::measured,
};

/// Bound on one operation, whatever the driver does meanwhile; below the 10 s after which a consumer gives up its
/// subscription.
const DEADLINE: Duration = Duration::from_secs(8);
/// The same for what reads much of a contest, for which no consumer waits; and for each part of what is read as a stream.
const LONG: Duration = Duration::from_secs(60);
/// Rows of one part of what is read as a stream.
const PART: u32 = 500;
/// The code of an error that says: there is one with this `_id`.
const DUPLICATE_KEY: i32 = 11_000;
/// Documents that one command inserts: what one costs the server is a fraction of what its round trip costs, and the
/// next one can be on its way.
const CHUNK: usize = 1_000;
/// Commands on their way at a time, of one operation.
const ABREAST: usize = 2;

/// Ballots in MongoDB.
#[derive(Debug, Clone)]
pub struct MongoBallots(Arc<Store>);

#[derive(Debug)]
struct Store {
    database: Database,
    ballots: Collection<Document>,
    claims: Collection<Document>,
    /// The keys that tallies have counters for.
    keys: Collection<Document>,
    ledger: Collection<Document>,
    contests: Collection<Document>,
    /// The processes of ingest that each contest's entries are of.
    producers: Collection<Document>,
    /// Contests and slots that are known to be written down.
    known: Mutex<HashSet<(String, u16)>>,
    /// Contests and producers that are known to be written down.
    known_producers: Mutex<HashSet<(String, Uuid)>>,
    /// What the audit has added up.
    folded: snapshot::Folded,
    /// Whether the last operation failed: an outage is logged once.
    down: AtomicBool,
}

impl From<mongodb::error::Error> for Error {
    fn from(error: mongodb::error::Error) -> Self {
        Self(error.to_string())
    }
}

impl MongoBallots {
    /// Ends an operation in time, measures it, and says once that MongoDB is away and once that it is back.
    /// Boxed, for the driver's futures are large.
    fn run<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        self.run_within(DEADLINE, operation, work)
    }

    fn run_within<'a, T: 'a>(
        &'a self,
        deadline: Duration,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        Box::pin(async move {
            let result = measured(operation, in_time(deadline, work)).await;
            self.0.tell(operation, result.as_ref().err());
            result
        })
    }

    /// Rows as they are asked for.
    fn stream<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        find: Find<'a, Document>,
        read: impl Fn(&Document) -> Result<T, Error> + Send + 'a,
    ) -> BoxStream<'a, Result<T, Error>> {
        let opened = self.run_within(LONG, operation, async move { Ok(find.batch_size(PART).await?) });
        let next = |mut rows: Cursor<Document>| async move {
            let row = in_time(LONG, async { Ok(rows.try_next().await?) }).await?;
            Ok(row.map(|row| (row, rows)))
        };
        let rows = opened.map_ok(move |rows| stream::try_unfold(rows, next)).try_flatten_stream();
        rows.map(move |row| read(&row?)).boxed()
    }
}

/// Ends with an error where there is no answer in time.
async fn in_time<T>(deadline: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error(format!("no answer within {} s", deadline.as_secs()));
    tokio::time::timeout(deadline, work).await.map_err(late)?
}

impl Store {
    fn tell(&self, operation: &str, error: Option<&Error>) {
        match error {
            None if self.down.swap(false, Ordering::Relaxed) => tracing::info!("mongodb answers again"),
            Some(error) if !self.down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, operation, "mongodb does not answer; trying for ever");
            }
            _ => {}
        }
    }
}

#[async_trait]
impl BallotLog for MongoBallots {
    async fn insert(&self, batches: &[Incoming<'_>]) -> Result<Vec<Vec<Verdict>>, Error> {
        let prepared = insert::prepare(batches)?;
        self.run("insert", insert::log(&self.0, prepared)).await
    }

    async fn places(
        &self,
        contest: &str,
        tally: &str,
        from: usize,
        keys: &[KeyDigest],
    ) -> Result<Vec<KeyDigest>, Error> {
        self.run("places", places::take(&self.0, contest, tally, from, keys)).await
    }

    async fn freeze(&self, entries: &[Entry]) -> Result<Vec<Held>, Error> {
        self.run("freeze", ledger::freeze(&self.0, entries)).await
    }

    fn entries<'a>(&'a self, contest: &str, after: Option<Uuid>) -> BoxStream<'a, Result<Held, Error>> {
        self.stream("entries", ledger::entries(&self.0, contest, after), |row| ledger::held(row, false))
    }

    async fn entry(&self, contest: &str, batch: Uuid) -> Result<Option<Held>, Error> {
        self.run("entry", ledger::entry_of(&self.0, contest, batch)).await
    }

    fn marked<'a>(&'a self, contest: &str, mark: u32, before: Timestamp) -> BoxStream<'a, Result<Entry, Error>> {
        self.stream("marked", ledger::marked(&self.0, contest, mark, before), ledger::entry)
    }

    async fn mark(&self, contest: &str, generation: u32, batches: &[Uuid]) -> Result<(), Error> {
        self.run("mark", ledger::mark(&self.0, contest, generation, batches)).await
    }

    async fn take_sweep(&self, contest: &str, every: Duration) -> Result<bool, Error> {
        self.run("take_sweep", ledger::take_sweep(&self.0, contest, every)).await
    }

    async fn slots(&self, contest: &str, mark: u32) -> Result<BTreeMap<u16, u64>, Error> {
        self.run_within(LONG, "slots", ledger::slots(&self.0, contest, mark)).await
    }

    async fn contests(&self) -> Result<Vec<Known>, Error> {
        self.run("contests", ledger::contests(&self.0)).await
    }

    async fn advance(&self, contest: &str, from: u32) -> Result<bool, Error> {
        self.run("advance", ledger::advance(&self.0, contest, from)).await
    }

    async fn query(&self, contest: &str, query: &Query) -> Result<Page, Error> {
        self.run("query", log::query(&self.0, contest, query)).await
    }

    async fn logged(&self, contest: &str) -> Result<Logged, Error> {
        self.run_within(LONG, "logged", log::logged(&self.0, contest)).await
    }

    async fn snapshot(&self, contest: &str) -> Result<Snapshot, Error> {
        self.run("snapshot", snapshot::take(&self.0, contest)).await
    }

    /// Rows go by themselves, by the index on their end.
    async fn expire(&self, _contest: &str, _before: Timestamp) -> Result<u64, Error> {
        Ok(0)
    }

    async fn report(&self, hand: &Hand) -> Result<(), Error> {
        self.run("report", hands::report(&self.0, hand)).await
    }

    async fn hands(&self) -> Result<Vec<Hand>, Error> {
        self.run("hands", hands::all(&self.0)).await
    }

    async fn withdraw(&self, process: Uuid) -> Result<(), Error> {
        self.run("withdraw", hands::withdraw(&self.0, process)).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.run("ready", async {
            self.0.database.run_command(mongodb::bson::doc! { "ping": 1 }).await?;
            Ok(())
        })
        .await
    }
}

/// A UUID as it stands in documents.
fn binary(id: Uuid) -> mongodb::bson::Binary {
    mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// A number that no honest producer brings beyond 63 bits.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A time as it stands in documents, whole milliseconds.
fn date(time: Timestamp) -> mongodb::bson::DateTime {
    mongodb::bson::DateTime::from_millis(time.as_millisecond())
}

/// What a document must hold and does not: somebody else wrote it.
fn corrupt(what: &str) -> Error {
    Error(format!("a document of the ballots' log has no valid `{what}`"))
}
