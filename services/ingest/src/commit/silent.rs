//! Queues that do not confirm: passed over for a while, and tried again at nobody's cost.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long a silent queue is passed over before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// The silent ones, by group and index, and when each may be tried again.
#[derive(Debug, Default)]
pub(super) struct Silent(Mutex<BTreeMap<(&'static str, usize), Instant>>);

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
        let mut silent = self.0.lock();
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
        if self.0.lock().insert((group, index), Instant::now() + REST).is_none() {
            tracing::warn!(queue = group, index, "a queue does not confirm and is passed over");
        }
    }

    /// It confirmed.
    pub(super) fn heard(&self, group: &'static str, index: usize) {
        let mut silent = self.0.lock();
        if !silent.is_empty() && silent.remove(&(group, index)).is_some() {
            tracing::info!(queue = group, index, "a queue confirms again");
        }
    }
}
