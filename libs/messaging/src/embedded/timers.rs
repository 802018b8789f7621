//! Messages that wait out a delay.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::store::Row;
use crate::topology::{Queue, Step};

/// Ordered by due time, then by number.
#[derive(Default)]
pub(super) struct Timers {
    waiting: Mutex<BTreeMap<(Timestamp, i64), Row>>,
    earlier: Notify,
}

impl Timers {
    pub(super) fn add(&self, due: Timestamp, row: Row) {
        let mut waiting = self.waiting.lock();
        let key = (due, row.seq);
        waiting.insert(key, row);
        if waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.earlier.notify_one();
        }
    }

    /// Hands over what is due, and says how long until more is. Whoever counts meanwhile waits: nothing is neither
    /// here nor there.
    fn hand_over(&self, mut to: impl FnMut(Row)) -> Option<Duration> {
        let mut waiting = self.waiting.lock();
        let now = Timestamp::now();
        let later = waiting.split_off(&(now, i64::MAX));
        std::mem::replace(&mut *waiting, later).into_values().for_each(&mut to);
        let next = waiting.first_key_value().map(|((due, _), _)| due.duration_since(now));
        next.map(|wait| wait.try_into().unwrap_or(Duration::ZERO))
    }

    /// How many wait for that queue with about that delay left: as a broker would count by its delay queues.
    pub(super) fn waiting(&self, queue: &Queue, step: Step) -> u64 {
        let now = Timestamp::now();
        let left = |due: &Timestamp| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO);
        let step_of = |due: &Timestamp| Step::ALL.into_iter().find(|s| left(due) <= s.delay()).unwrap_or(Step::S15);
        let waiting = self.waiting.lock();
        waiting.iter().filter(|((due, _), row)| row.queue == queue && step_of(due) == step).count() as u64
    }
}

/// Gives messages to their queues when they are due.
pub(super) async fn run(shared: &Shared) {
    loop {
        let next = shared.timers.hand_over(|mut row| {
            row.due = None;
            shared.line(row.queue).push(row);
        });
        let earlier = shared.timers.earlier.notified();
        match next {
            // One millisecond more than to sleep in vain.
            Some(wait) => drop(tokio::time::timeout(wait + Duration::from_millis(1), earlier).await),
            None => earlier.await,
        }
    }
}
