//! Who may work beside whom: a message that may crash its consumer takes no other with it.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long a suspect waits before its turn, so that the other suspects, which are put aside meanwhile, are
/// acknowledged before it may crash the process.
const PUT_ASIDE: Duration = Duration::from_millis(250);

/// The gate before a handler.
#[derive(Default)]
pub(crate) struct Gate {
    suspect: Mutex<()>,
    work: RwLock<()>,
}

/// The right to work, until it is dropped.
pub(crate) enum Turn<'a> {
    Together(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, ()>),
    #[expect(dead_code, reason = "held")]
    Alone(MutexGuard<'a, ()>, RwLockWriteGuard<'a, ()>),
}

impl Gate {
    /// Beside all others, once no suspect works.
    pub(crate) async fn together(&self) -> Turn<'_> {
        Turn::Together(self.work.read().await)
    }

    /// Beside nobody. `None` where another suspect has or awaits its turn: what waits unacknowledged would be
    /// counted as redelivered when that one crashes the process.
    pub(crate) async fn alone(&self) -> Option<Turn<'_>> {
        let suspect = self.suspect.try_lock().ok()?;
        tokio::time::sleep(PUT_ASIDE).await;
        Some(Turn::Alone(suspect, self.work.write().await))
    }
}
