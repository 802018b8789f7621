//! Counters of contests: one trait, [`Tallies`], over Redis Cluster and over the embedded database, and one contract
//! suite that both pass.
//!
//! Counters are a cache of the ledger: an entry is applied once, by its batch's id, in the slot where its counters
//! are, so that a fail-over loses both or neither; what was lost is applied again from the ledger.

mod embedded;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
use contests::{Entry, standings::Counts};
pub use embedded::EmbeddedTallies;
use jiff::Timestamp;
pub use redis::RedisTallies;
use uuid::Uuid;

use crate::Error;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was not in, and is now.
    Now,
    /// It was in since so long.
    Already(Duration),
    /// It was not in, and the time until which it might be applied was over: nothing was done.
    TooLate,
}

/// One generation of one slot's counters of a contest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The contest's name.
    pub contest: String,
    /// The generation: a rebuild makes the next one.
    pub generation: u32,
    /// The slot.
    pub slot: u16,
}

/// What is remembered of an entry, so that it is applied once. A large one is applied in several parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The entry's batch.
    pub batch: Uuid,
    /// The part, from 0.
    pub part: u16,
}

/// A store of counters.
#[async_trait]
pub trait Tallies: Send + Sync + 'static {
    /// Applies entries to a generation, each at most once and atomically with the memory of it, and says what became
    /// of each. After `until`, by the store's clock, nothing is applied any more: whoever forgets an entry later than
    /// that cannot have it applied a second time by one who was paused.
    async fn apply(&self, generation: u32, entries: &[Entry], until: Timestamp) -> Result<Vec<Applied>, Error>;

    /// A slot's version: 0 where nothing was applied, grows with every entry.
    async fn version(&self, slot: &Slot) -> Result<u64, Error>;

    /// A slot's sums and counters.
    async fn counts(&self, slot: &Slot) -> Result<Counts, Error>;

    /// What was applied before this time, oldest first.
    async fn remembered(&self, slot: &Slot, before: Timestamp, limit: usize) -> Result<Vec<Member>, Error>;

    /// Forgets that these were applied; their counts stay.
    async fn forget(&self, slot: &Slot, members: &[Member]) -> Result<(), Error>;

    /// Drops a slot's counters and memory.
    async fn drop_slot(&self, slot: &Slot) -> Result<(), Error>;

    /// Differs from an earlier answer where acknowledged writes may have been lost since: a server was replaced or
    /// began anew.
    async fn incarnation(&self) -> Result<String, Error>;

    /// Whether the store answers; else why not, for `/readyz`.
    async fn ready(&self) -> Result<(), Error>;
}

/// Fields of totals begin with the separator, which no tally's name does.
const TOTALS: [&str; 6] =
    ["\u{1f}batches", "\u{1f}counted", "\u{1f}duplicate", "\u{1f}conflicting", "\u{1f}over_limit", "\u{1f}dead"];
/// The version's field.
const VERSION: &str = TOTALS[0];

/// The sums of an entry, in the order of [`TOTALS`].
fn totals(entry: &Entry) -> [i64; 6] {
    let sums = [1, entry.counted, entry.duplicate, entry.conflicting, entry.over_limit, entry.dead];
    sums.map(|sum| i64::try_from(sum).unwrap_or(i64::MAX))
}

/// Everything that an entry adds, by field, the version last: where an entry is applied in several parts, whoever looks
/// in between sees the version move after all of it is in, and reads again.
fn fields(entry: &Entry) -> impl Iterator<Item = (String, i64)> + '_ {
    let totals = TOTALS.into_iter().zip(totals(entry)).filter(|(name, sum)| *name == VERSION || *sum != 0);
    let totals = totals.map(|(name, sum)| (name.to_owned(), sum)).rev();
    entry.increments.iter().map(|increment| (increment.counter(), increment.amount)).chain(totals)
}

/// Counts from fields.
fn counts(fields: impl Iterator<Item = (String, i64)>) -> Counts {
    let mut counts = Counts::default();
    for (field, value) in fields {
        let Some(total) = TOTALS.iter().position(|name| *name == field) else {
            counts.counters.insert(field, value);
            continue;
        };
        let sum = u64::try_from(value).unwrap_or(0);
        let totals = &mut counts.totals;
        match total {
            0 => totals.batches = sum,
            1 => totals.counted = sum,
            2 => totals.duplicate = sum,
            3 => totals.conflicting = sum,
            4 => totals.over_limit = sum,
            _ => totals.dead = sum,
        }
    }
    counts
}
