//! Queues that do not confirm: passed over for a while, and tried again at nobody's cost.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long a silent queue is passed over before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// One that falls silent again and again is told so often.
const TOLD: Duration = Duration::from_mins(1);

/// A queue, by its group and index.
type Queue = (&'static str, usize);

/// The silent ones.
#[derive(Debug, Default)]
pub(super) struct Silent {
    /// When each may be tried again.
    until: Mutex<BTreeMap<Queue, Instant>>,
    /// When it was last told of each, silent by now or not.
    told: Mutex<BTreeMap<Queue, Instant>>,
}

/// Where a batch goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) index: usize,
    /// Whether another queue would be there for it.
    pub(super) others: bool,
    /// A silent one that is to be tried again, by a copy.
    pub(super) probe: Option<usize>,
}

impl Silent {
    /// The `turn`th of a group's queues, or the next that is not silent; where all are, it makes no difference.
    pub(super) fn choose(&self, group: &'static str, queues: usize, turn: usize) -> Choice {
        let first = turn % queues;
        let mut silent = self.until.lock();
        if silent.is_empty() {
            return Choice { index: first, others: queues > 1, probe: None };
        }
        let mut heard = (0..queues).map(|n| (turn + n) % queues).filter(|i| !silent.contains_key(&(group, *i)));
        let Some(index) = heard.next() else { return Choice { index: first, others: false, probe: None } };
        let others = heard.next().is_some();
        let now = Instant::now();
        let due = silent.get_mut(&(group, first)).filter(|until| **until <= now);
        let probe = due.map(|until| {
            *until = now + REST;
            first
        });
        Choice { index, others, probe }
    }

    /// It did not confirm in time.
    pub(super) fn fell_silent(&self, group: &'static str, index: usize) {
        let now = Instant::now();
        let fell = self.until.lock().insert((group, index), now + REST).is_none();
        if fell && self.is_news((group, index), now) {
            tracing::warn!(queue = group, index, "a queue does not confirm in time and is passed over for a while");
        }
    }

    /// It confirmed.
    pub(super) fn heard(&self, group: &'static str, index: usize) {
        let mut silent = self.until.lock();
        if !silent.is_empty() && silent.remove(&(group, index)).is_some() {
            tracing::debug!(queue = group, index, "a queue confirms again");
        }
    }

    fn is_news(&self, queue: Queue, now: Instant) -> bool {
        let mut told = self.told.lock();
        let news = told.get(&queue).is_none_or(|at| now.duration_since(*at) >= TOLD);
        if news {
            told.insert(queue, now);
        }
        news
    }
}
