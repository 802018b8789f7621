//! One task's commands run one at a time: the holder of its lease sends, and stops well before it ends.

use std::{sync::Arc, time::Duration};

use cluster::SendUntil;
use domain::TaskKey;
use state::{Error, Lease, States};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long a lease lasts: a holder that died holds its task up for so long.
const TTL: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(8);
/// The holder sends nothing in the last part of the lease: longer than a request's time-out (10 s), so
/// that every request has ended or timed out when a successor begins.
const QUIET: Duration = Duration::from_secs(14);

/// A lease that is held.
pub(crate) struct Held {
    states: Arc<dyn States>,
    lease: Lease,
    /// Until when requests may be sent.
    pub send_until: SendUntil,
}

/// Whether nobody else can have been at the task's work, as far as the store can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The lease was held from the end of another that was given back.
    Throughout,
    /// It was taken over from a holder that did not give it back, or was lost: a write may yet come.
    InDoubt,
}

impl Held {
    /// Takes the lease, unless another holds it.
    pub(crate) async fn acquire(states: &Arc<dyn States>, key: &TaskKey, holder: &str) -> Result<Option<Self>, Error> {
        // Counted from before the request: the store's clock started later.
        let until = Instant::now() + TTL - QUIET;
        let lease = states.acquire(key, holder, TTL).await?;
        Ok(lease.map(|lease| Self { states: states.clone(), lease, send_until: SendUntil::new(until) }))
    }

    /// Works while the lease is renewed beside it, then gives it back. Who wakes up from a pause learns here that
    /// the lease is lost.
    pub(crate) async fn during<T>(self, work: impl Future<Output = T>) -> (T, Kept) {
        let done = tokio::select! {
            done = work => done,
            () = self.keep() => unreachable!("keeping a lease never ends"),
        };
        let was_ours = self.states.release(&self.lease).await.unwrap_or_else(|error| {
            tracing::debug!(error = %error, "the lease was not given back; it ends by itself");
            // Whoever takes it over will look.
            true
        });
        (done, if was_ours && !self.lease.taken_over { Kept::Throughout } else { Kept::InDoubt })
    }

    async fn keep(&self) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let until = Instant::now() + TTL - QUIET;
            match self.states.renew(&self.lease, TTL).await {
                Ok(true) => self.send_until.prolong(until),
                Ok(false) => self.send_until.end(),
                Err(error) => tracing::debug!(error = %error, "the lease was not renewed; it may end"),
            }
        }
    }
}
