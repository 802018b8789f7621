//! Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS, 2015): those who lost the
//! same broker do not come back in one moment.

use std::time::Duration;

/// The waits of one series of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits of up to `base`, doubled at each try, up to `cap`.
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, tries: 0 }
    }

    /// For reconnecting: a restarted node takes seconds, a switched one milliseconds.
    pub(crate) fn reconnect() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(5))
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let most = self.base.saturating_mul(1 << self.tries.min(16)).min(self.cap);
        self.tries += 1;
        most.mul_f64(rand::random_range(0.05..=1.0))
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}
