//! What the clients know: which ballots they cast, and which of them were acknowledged.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use serde_json::Value;

/// A contest's records.
#[derive(Default)]
pub struct Records {
    /// The ballots that have an id, by it.
    pub ballots: Mutex<HashMap<String, Known>>,
    /// Ballots that were sent without an id and have not been told theirs, and those whose request broke before: each may
    /// be in the log, under an id that nobody knows.
    pub nameless: AtomicU64,
    /// Ballots that were acknowledged, as often as they were.
    pub acknowledged: AtomicU64,
    /// Ballots that were sent, as often as they were.
    pub sent: AtomicU64,
}

/// A ballot with an id.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What was sent under the id: more than one where clients disagree.
    pub contents: Vec<Value>,
    /// Who voted.
    pub voter: Option<String>,
    /// Whether an ingest said that it has it.
    pub acknowledged: bool,
}

impl Records {
    /// The id is used for this from now on.
    pub fn begin(&self, id: &str, fields: &Value, voter: Option<&str>) {
        let mut ballots = self.ballots.lock();
        let known = ballots.entry(id.to_owned()).or_default();
        known.voter = voter.map(str::to_owned);
        if !known.contents.contains(fields) {
            known.contents.push(fields.clone());
        }
    }

    /// An ingest said that it has it.
    pub fn acknowledge(&self, id: &str) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.ballots.lock().get_mut(id).expect("it was begun").acknowledged = true;
    }

    /// So many ballots are sent, of which some have no id yet.
    pub fn send(&self, ballots: usize, nameless: usize) {
        self.nameless.fetch_add(nameless as u64, Ordering::Relaxed);
        self.sent.fetch_add(ballots as u64, Ordering::Relaxed);
    }

    /// So many of those have an id now, or were certainly not taken.
    pub fn told(&self, nameless: usize) {
        self.nameless.fetch_sub(nameless as u64, Ordering::Relaxed);
    }

    /// How many different ballots there may be in the log.
    pub fn possible(&self) -> u64 {
        self.ballots.lock().len() as u64 + self.nameless.load(Ordering::Relaxed)
    }
}
