//! Who waits in this process for a change of a task, so that a change that is made here is seen at once.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use domain::TaskId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Tasks that are waited for, before those that nobody waits for any more are looked for and forgotten.
const MANY: usize = 1_024;

/// Tasks that are waited for.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<TaskId, Weak<Notify>>>);

impl Waiting {
    /// Is notified at the task's next change, once.
    pub(super) fn change(&self, task: TaskId) -> Arc<Notify> {
        let mut tasks = self.0.lock();
        if let Some(change) = tasks.get(&task).and_then(Weak::upgrade) {
            return change;
        }
        if tasks.len() >= MANY && tasks.len().is_multiple_of(MANY) {
            tasks.retain(|_, change| change.strong_count() > 0);
        }
        let change = Arc::new(Notify::new());
        tasks.insert(task, Arc::downgrade(&change));
        change
    }

    /// Notifies whoever waits for one of these.
    pub(super) fn wake(&self, changed: impl Iterator<Item = TaskId>) {
        let mut tasks = self.0.lock();
        for change in changed.filter_map(|task| tasks.remove(&task)?.upgrade()) {
            change.notify_waiters();
        }
    }
}
