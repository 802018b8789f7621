//! Two-step shutdown: the first signal drains, the second aborts.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a process is told by signals: SIGTERM or SIGINT once, then again.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Stop taking work, end what runs.
    pub drain: CancellationToken,
    /// Stop at once.
    pub abort: CancellationToken,
}

impl Signals {
    /// Listens from now on, for as long as the runtime lives.
    pub fn listen() -> std::io::Result<Self> {
        let signals = Self::default();
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(signals.clone().watch(interrupt, terminate));
        Ok(signals)
    }

    async fn watch(self, mut interrupt: Signal, mut terminate: Signal) {
        for token in [self.drain, self.abort] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            token.cancel();
        }
    }
}
