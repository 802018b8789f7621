//! The ballots' log and the ledger: one trait, [`BallotLog`], over MongoDB and over the embedded database, and one
//! contract suite that both pass.
//!
//! The log's unique key (contest, caller, id) decides which ballot counts, and the ledger holds, frozen, what each
//! batch came to. Counters are a cache of the ledger and live elsewhere (`state::Tallies`). Nothing here knows
//! queues or how a contest is served.

mod claim;
pub mod embedded;
mod key;
mod measure;
pub mod mongo;
mod query;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contests::{Batch, Definition, Entry, Verdict, audit::Summary, standings::Totals};
use futures::stream::BoxStream;
use jiff::Timestamp;
pub use key::KeyDigest;
pub use query::{Page, Query, Row};
use uuid::Uuid;

/// The store did not answer; may be tried again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the ballots' log did not answer: {0}")]
pub struct Error(pub String);

/// A batch to be logged.
#[derive(Debug, Clone)]
pub struct Incoming<'a> {
    /// The batch.
    pub batch: &'a Batch<'a>,
    /// What it was decoded from.
    pub body: Bytes,
    /// The positions of ballots that do not fit the definition, ascending: they are not logged.
    pub dead: &'a [usize],
    /// The definition that ingest checked by: the limits of voters, and for how long rows are kept.
    pub definition: &'a Definition,
}

/// An entry as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The entry, as it was first written.
    pub entry: Entry,
    /// The newest generation of counters that is known to hold it for good; 0: none yet.
    pub mark: u32,
    /// Whether this call wrote it.
    pub fresh: bool,
}

/// What a contest's log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logged {
    /// Rows that count.
    pub counted: u64,
    /// Rows above their voters' limit.
    pub over_limit: u64,
}

/// What the ledger says about one contest, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Sums over all entries.
    pub totals: Totals,
    /// Each producer's part, by producer.
    pub producers: Vec<Summary>,
}

/// A store of ballots. Whatever was answered survives the store's death; every call may be repeated.
#[async_trait]
pub trait BallotLog: Send + Sync + 'static {
    /// Logs the batches' ballots and claims their voters' places. The verdicts, by batch and position: one that is in
    /// the log by this very batch and position has the verdict that it had; of two with one key the first in the log
    /// counts.
    async fn insert(&self, batches: &[Incoming<'_>]) -> Result<Vec<Vec<Verdict>>, Error>;

    /// Gives a tally's keys its places from `from` on, in order and without a gap, until one of them is taken or a key has
    /// one already; answers which keys have the places from `from` on. All before `from` must be taken.
    async fn places(
        &self,
        contest: &str,
        tally: &str,
        from: usize,
        keys: &[KeyDigest],
    ) -> Result<Vec<KeyDigest>, Error>;

    /// Writes entries where there are none of their batches, and gives what the ledger holds, in the same order.
    /// Their contests and slots are known from then on.
    async fn freeze(&self, entries: &[Entry]) -> Result<Vec<Held>, Error>;

    /// A contest's entries in the order of their batches' ids, after `after`. All that are there when it begins are
    /// among them.
    fn entries<'a>(&'a self, contest: &str, after: Option<Uuid>) -> BoxStream<'a, Result<Held, Error>>;

    /// The entry of a batch.
    async fn entry(&self, contest: &str, batch: Uuid) -> Result<Option<Held>, Error>;

    /// A contest's entries with exactly that mark, written before `before`, in any order. All that have it from begin to
    /// end are among them.
    fn marked<'a>(&'a self, contest: &str, mark: u32, before: Timestamp) -> BoxStream<'a, Result<Entry, Error>>;

    /// Raises the mark of entries to a generation; never lowers it.
    async fn mark(&self, contest: &str, generation: u32, batches: &[Uuid]) -> Result<(), Error>;

    /// Takes the next sweep of a contest for this process: `false` where another took one that is less than `every` old.
    /// Only so that not all do the same at the same time: clocks may differ. A store of one process has nobody to ask.
    async fn take_sweep(&self, _contest: &str, _every: Duration) -> Result<bool, Error> {
        Ok(true)
    }

    /// How many entries of each slot have this mark or a higher one; every slot that was ever used is there.
    async fn slots(&self, contest: &str, mark: u32) -> Result<BTreeMap<u16, u64>, Error>;

    /// The contests that the ledger knows, each with its generation of counters, from 1, and the slots ever used.
    async fn contests(&self) -> Result<Vec<Known>, Error>;

    /// Makes the generation after `from` the contest's; `false` where `from` is not its generation.
    async fn advance(&self, contest: &str, from: u32) -> Result<bool, Error>;

    /// One page of a contest's log, newest first.
    async fn query(&self, contest: &str, query: &Query) -> Result<Page, Error>;

    /// How many rows a contest's log has.
    async fn logged(&self, contest: &str) -> Result<Logged, Error>;

    /// What the ledger says about a contest. Entries that come meanwhile may be missing in it, whichever they are.
    async fn snapshot(&self, contest: &str) -> Result<Snapshot, Error>;

    /// Drops batches of the log that were cut before then, a bounded number at a time, and says how many. A store that
    /// drops rows by itself, by the retention they were logged with, has nothing to do here.
    async fn expire(&self, contest: &str, before: Timestamp) -> Result<u64, Error>;

    /// Tells others what this process has in its hands; replaces what it said before. It need not survive the store's
    /// death. A store of one process has nobody to tell.
    async fn report(&self, _hand: &Hand) -> Result<(), Error> {
        Ok(())
    }

    /// What every process that counts into this store said last, until it withdrew.
    async fn hands(&self) -> Result<Vec<Hand>, Error> {
        Ok(vec![])
    }

    /// Drops what a process said: it has nothing in its hands any more.
    async fn withdraw(&self, _process: Uuid) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the store answers; else why not, for `/readyz`.
    async fn ready(&self) -> Result<(), Error>;
}

/// A contest that the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// The generation of its counters.
    pub generation: u32,
    /// The slots ever used, ascending.
    pub slots: Vec<u16>,
}

/// Which contests' batches a process had in its hands lately: delivered to it, and not in the ledger for sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// The process.
    pub process: Uuid,
    /// Grows with each report.
    pub report: u64,
    /// The process's last look at its hands.
    pub turn: u64,
    /// By contest, the last look up to which some of its batches were in hand or had come; absent: none lately.
    pub touched: BTreeMap<String, u64>,
}

impl Hand {
    /// Whether none of a contest's batches was in hand from the look `since` on until this one.
    pub fn is_free_of(&self, contest: &str, since: u64) -> bool {
        self.touched.get(contest).is_none_or(|last| *last < since)
    }
}
