//! A rate limit of the internal interface, so that questions never crowd out applying.

use parking_lot::Mutex;
use tokio::time::Instant;

/// A token bucket.
pub(crate) struct Limiter {
    per_second: f64,
    burst: f64,
    level: Mutex<(f64, Instant)>,
}

impl Limiter {
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, level: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self) -> bool {
        let mut level = self.level.lock();
        let now = Instant::now();
        let grown = level.0 + now.duration_since(level.1).as_secs_f64() * self.per_second;
        *level = (grown.min(self.burst), now);
        let allowed = level.0 >= 1.0;
        if allowed {
            level.0 -= 1.0;
        }
        allowed
    }
}
