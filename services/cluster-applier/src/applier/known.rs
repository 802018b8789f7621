//! What this process remembers of tasks; nothing that could not be lost.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use domain::{Revision, TaskKey};
use messaging::topology::Step;
use parking_lot::Mutex;

use super::Applier;
use crate::check::Check;

/// Tasks that this process finished, to be remembered: the last check of each is still under way.
const FINISHED: usize = 20_000;

/// Tasks of which something is remembered for a while, before old ones are looked for and forgotten.
const MANY: usize = 1_024;
/// How long a step is remembered that another replica may have taken.
const WAITING: Duration = Step::S15.delay().saturating_mul(4);
/// How long a health is remembered that is not shown yet: longer than anything that folds facts is away for.
const TOLD: Duration = Duration::from_hours(1);

type Aging<T> = HashMap<TaskKey, (Instant, T)>;

/// What is remembered.
#[derive(Default)]
pub(super) struct Known {
    /// Next steps that this process has asked for: a watch may take them early.
    waiting: Mutex<Aging<Check>>,
    /// The digest of what was told last of a task that is done, while its status does not show it.
    told: Mutex<Aging<u64>>,
    finished: Mutex<Finished>,
}

fn remember<T>(known: &mut Aging<T>, key: TaskKey, what: T, age: Duration) {
    let now = Instant::now();
    if known.len() >= MANY && known.len().is_multiple_of(MANY) {
        known.retain(|_, (since, _)| now.duration_since(*since) < age);
    }
    known.insert(key, (now, what));
}

/// The last tasks that ended here.
#[derive(Default)]
struct Finished {
    known: HashSet<(TaskKey, Revision)>,
    order: VecDeque<(TaskKey, Revision)>,
}

impl Applier {
    /// The check that a watch may take early, if this process asked for it and its command has not ended since: a look
    /// that found the task held may note it after the end.
    pub(crate) fn waiting(&self, key: &TaskKey) -> Option<Check> {
        let check = self.known.waiting.lock().get(key).map(|(_, check)| check.clone())?;
        (!self.is_finished(&check)).then_some(check)
    }

    /// Remembers a step that is asked for. Another replica may take it: then it is forgotten after a while.
    pub(super) fn note_waiting(&self, next: Check) {
        remember(&mut self.known.waiting.lock(), next.key.clone(), next, WAITING);
    }

    /// Remembers the health that was told of a task that is done.
    pub(super) fn note_told(&self, key: &TaskKey, digest: u64) {
        remember(&mut self.known.told.lock(), key.clone(), digest, TOLD);
    }

    /// Whether nothing else was told than what the status shows. What was told may not be folded yet.
    pub(super) fn shows_what_was_told(&self, key: &TaskKey, shown: u64) -> bool {
        let mut told = self.known.told.lock();
        let other = told.get(key).is_some_and(|(_, digest)| *digest != shown);
        if !other {
            told.remove(key);
        }
        !other
    }

    /// What this process has told and seen meanwhile, early.
    pub(super) fn take_early(&self, check: &mut Check) {
        let waiting = self.known.waiting.lock().remove(&check.key);
        if let Some(known) = waiting.map(|(_, known)| known).filter(|w| w.revision == check.revision) {
            // A later step than the one that is taken now: there was an early one.
            if known.attempt > check.attempt {
                check.overdue_since = known.overdue_since;
            }
            let later = known.reported.filter(|r| check.reported.as_ref().is_none_or(|c| c.at < r.at));
            check.reported = later.or(check.reported.take());
        }
    }

    pub(crate) fn is_finished(&self, check: &Check) -> bool {
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
