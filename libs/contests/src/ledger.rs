//! The ledger's words: what became of each ballot of a batch, and what the batch adds to the counters.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::definition::Revision;

mod fold;
#[cfg(test)]
mod tests;

pub use fold::Unfit;

/// Between the parts of an [`Increment`]'s key, and between tally and key in a store: no text of a ballot holds it.
pub const SEPARATOR: char = '\u{1f}';

/// The key of a tally's others: the ballots of all keys that came after it had as many as it may have. No text of a ballot
/// holds it.
pub const OTHERS: &str = "\u{1e}";

/// What became of one ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It counts.
    Counted,
    /// One with its id counted before, and says the same.
    Duplicate,
    /// One with its id counted before, and says something else; a duplicate too.
    Conflicting,
    /// Its voter has cast as many as the contest takes.
    OverLimit,
    /// It does not fit the definition, and went to the dead letters.
    Dead,
}

/// What a batch adds to one counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Increment {
    /// The tally's name.
    pub tally: String,
    /// The values of the tally's `by` fields, joined by [`SEPARATOR`]; a missing value is empty.
    pub key: String,
    /// How much.
    pub amount: i64,
}

/// One batch in the ledger: frozen when it is first written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The batch's id.
    pub batch: Uuid,
    /// The contest's name.
    pub contest: String,
    /// The definition that ingest checked by.
    pub revision: Revision,
    /// The slot of the counters that it adds to.
    pub slot: u16,
    /// The process of ingest that made it.
    pub producer: Uuid,
    /// Its number among the producer's batches of the contest, from 1, without gaps.
    pub number: u64,
    /// The producer's ballots of the contest up to and with this batch.
    pub cumulative: u64,
    /// The number up to which all of the producer's batches of the contest were confirmed when this one was cut.
    pub confirmed: u64,
    /// Whether it is the producer's last of the contest.
    pub last: bool,
    /// When it was cut.
    pub time: Timestamp,
    /// Its ballots: counted, duplicate, over limit and dead.
    pub ballots: u64,
    /// Those that count.
    pub counted: u64,
    /// Those with an id that counted before, conflicting ones included.
    pub duplicate: u64,
    /// The duplicates that say something else than the first.
    pub conflicting: u64,
    /// Those above their voters' limit.
    pub over_limit: u64,
    /// Those that did not fit the definition.
    pub dead: u64,
    /// What it adds to the counters: at most one a counter, sorted.
    pub increments: Vec<Increment>,
}

impl Increment {
    /// The counter's name in a store: `<tally>` SEPARATOR `<key>`.
    pub fn counter(&self) -> String {
        format!("{}{SEPARATOR}{}", self.tally, self.key)
    }
}

impl Entry {
    /// Adds what a tally gains by keys that have no place to its others. Each of its keys is asked for once, in order.
    pub fn fold_others(&mut self, tally: &str, mut has_place: impl FnMut(&str) -> bool) {
        let mut others = 0;
        let before = self.increments.len();
        self.increments.retain(|increment| {
            let stays = increment.tally != tally || has_place(&increment.key);
            others += if stays { 0 } else { increment.amount };
            stays
        });
        if self.increments.len() < before {
            self.increments.push(Increment { tally: tally.to_owned(), key: OTHERS.to_owned(), amount: others });
            self.increments.sort();
        }
    }

    /// The ballots that reached the log: counted, duplicate, or over their voters' limit.
    pub fn received(&self) -> u64 {
        self.counted + self.duplicate + self.over_limit
    }
}
