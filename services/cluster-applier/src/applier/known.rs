//! What this process remembers of tasks; nothing that could not be lost.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use domain::{Revision, TaskKey};
use messaging::topology::Step;
use parking_lot::Mutex;

use super::Applier;
use crate::check::Check;

/// Tasks that this process finished, to be remembered: the last check of each is still under way.
const FINISHED: usize = 20_000;

/// Steps that are asked for, before old ones are looked for and forgotten.
const WAITING: usize = 1_024;

/// What is remembered.
#[derive(Default)]
pub(super) struct Known {
    /// Next steps that this process has asked for: a watch may take them early.
    waiting: Mutex<HashMap<TaskKey, (Instant, Check)>>,
    finished: Mutex<Finished>,
}

/// The last tasks that ended here.
#[derive(Default)]
struct Finished {
    known: HashSet<(TaskKey, Revision)>,
    order: VecDeque<(TaskKey, Revision)>,
}

impl Applier {
    /// The check that a watch may take early, if this process asked for it.
    pub(crate) fn waiting(&self, key: &TaskKey) -> Option<Check> {
        self.known.waiting.lock().get(key).map(|(_, check)| check.clone())
    }

    /// Remembers a step that is asked for. Another replica may take it: then it is forgotten after a while.
    pub(super) fn note_waiting(&self, next: Check) {
        let mut waiting = self.known.waiting.lock();
        let now = Instant::now();
        if waiting.len() >= WAITING && waiting.len().is_multiple_of(WAITING) {
            waiting.retain(|_, (asked, _)| now.duration_since(*asked) < 4 * Step::S15.delay());
        }
        waiting.insert(next.key.clone(), (now, next));
    }

    /// What this process has told meanwhile, early.
    pub(super) fn take_reported(&self, check: &mut Check) {
        let waiting = self.known.waiting.lock().remove(&check.key);
        if let Some(known) = waiting.map(|(_, known)| known).filter(|w| w.revision == check.revision) {
            let later = known.reported.filter(|r| check.reported.as_ref().is_none_or(|c| c.at < r.at));
            check.reported = later.or(check.reported.take());
        }
    }

    pub(super) fn is_finished(&self, check: &Check) -> bool {
        self.known.finished.lock().known.contains(&(check.key.clone(), check.revision))
    }

    pub(super) fn note_finished(&self, check: &Check) {
        let mut finished = self.known.finished.lock();
        let one = (check.key.clone(), check.revision);
        if finished.known.insert(one.clone()) {
            finished.order.push_back(one);
        }
        if finished.order.len() > FINISHED {
            let oldest = finished.order.pop_front().expect("it is not empty");
            finished.known.remove(&oldest);
        }
    }
}
