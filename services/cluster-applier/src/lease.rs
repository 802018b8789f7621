//! One task's commands run one at a time: the holder of its lease sends, and stops well before it ends.

use std::{sync::Arc, time::Duration};

use cluster::SendUntil;
use domain::TaskKey;
use state::{Error, Lease, States};
use tokio::time::Instant;

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

impl Held {
    /// Takes the lease, unless another holds it.
    pub(crate) async fn acquire(states: &Arc<dyn States>, key: &TaskKey, holder: &str) -> Result<Option<Self>, Error> {
        // Counted from before the request: the store's clock started later.
        let until = Instant::now() + TTL - QUIET;
        let lease = states.acquire(key, holder, TTL).await?;
        Ok(lease.map(|lease| Self { states: states.clone(), lease, send_until: SendUntil::new(until) }))
    }

    /// Works while the lease is renewed beside it, then gives it back.
    pub(crate) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            () = self.keep() => unreachable!("keeping a lease never ends"),
        };
        if let Err(error) = self.states.release(&self.lease).await {
            tracing::debug!(error = %error, "the lease was not given back; it ends by itself");
        }
        done
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
