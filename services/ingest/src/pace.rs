//! How fast what comes in pieces has to come: a client that trickles holds memory for nothing.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long the next [`BYTES`] may take to come, or the rest: 6.4 KiB/s, which the slowest phone does.
pub const WINDOW: Duration = Duration::from_secs(10);
/// Bytes of one window.
const BYTES: usize = 64 << 10;

/// The pace of one body or message.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    until: Instant,
    bytes: usize,
}

impl Pace {
    /// It begins now.
    pub fn begin() -> Self {
        Self { until: Instant::now() + WINDOW, bytes: 0 }
    }

    /// When it is too slow, if neither enough nor its end came.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Notes what came.
    pub fn took(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= BYTES {
            *self = Self::begin();
        }
    }
}
