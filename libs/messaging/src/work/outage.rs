//! Tells a hiccup from an outage: transient failures, and no success, for as long as [`OUTAGE`].

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::topology::OUTAGE;

/// Since when everything fails.
pub(crate) struct Outage {
    since: Mutex<Option<Instant>>,
    lasts: watch::Sender<bool>,
}

impl Default for Outage {
    fn default() -> Self {
        Self { since: Mutex::new(None), lasts: watch::Sender::new(false) }
    }
}

impl Outage {
    /// Something failed that passes.
    pub(crate) fn failed(&self) {
        let since = *self.since.lock().get_or_insert_with(Instant::now);
        if since.elapsed() >= OUTAGE {
            self.lasts.send_if_modified(|lasts| !std::mem::replace(lasts, true));
        }
    }

    /// Something succeeded.
    pub(crate) fn over(&self) {
        *self.since.lock() = None;
        self.lasts.send_if_modified(std::mem::take);
    }

    /// Whether failures have lasted for an outage's time.
    pub(crate) fn lasts(&self) -> bool {
        *self.lasts.borrow()
    }

    /// Waits for an outage.
    pub(crate) async fn begins(&self) {
        let mut lasts = self.lasts.subscribe();
        lasts.wait_for(|lasts| *lasts).await.expect("the sender is a field of self");
    }
}
