//! Who waits for a task to change.

use std::{collections::HashMap, sync::Arc};

use domain::TaskKey;
use parking_lot::Mutex;
use tokio::sync::{Notify, futures::Notified};

type Waiting = Arc<Mutex<HashMap<TaskKey, Arc<Notify>>>>;

/// Everybody that waits, by task. A task that nobody waits for takes no room.
#[derive(Default)]
pub(super) struct Waiters(Waiting);

/// One that waits; leaves when dropped.
pub(super) struct Waiter {
    key: TaskKey,
    notify: Arc<Notify>,
    waiting: Waiting,
}

impl Waiters {
    pub(super) fn of(&self, key: &TaskKey) -> Waiter {
        let notify = Arc::clone(self.0.lock().entry(key.clone()).or_default());
        Waiter { key: key.clone(), notify, waiting: Arc::clone(&self.0) }
    }

    pub(super) fn wake(&self, key: &TaskKey) {
        if let Some(notify) = self.0.lock().get(key) {
            notify.notify_waiters();
        }
    }
}

impl Waiter {
    pub(super) fn woken(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        // Two handles: this one and the map's. New ones are made under the lock only.
        if Arc::strong_count(&self.notify) == 2 {
            waiting.remove(&self.key);
        }
    }
}
