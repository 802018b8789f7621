//! The sweep: removes records of which nothing will come, and publishes commands that nobody has heard of.

use std::time::Duration;

use bootstrap::Context;
use domain::TaskKey;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How long a sweep may take before another replica may begin one.
const LEASE: Duration = Duration::from_secs(600);

/// Sweeps every `interval` until `shutdown`; never where `interval` is zero.
pub async fn run(context: &Context, interval: Duration, shutdown: CancellationToken) {
    if interval.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = once(context) => {}
        }
    }
}

/// The lease of sweeps: of a task that no tenant can have.
fn lease_key() -> TaskKey {
    let tenant = "marea-sweep".parse().expect("`marea-sweep` is a label");
    TaskKey { tenant, id: "00000000-0000-0000-0000-000000000000".parse().expect("a UUID") }
}

async fn once(context: &Context) {
    let lease = match context.states.acquire(&lease_key(), context.service, LEASE).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return,
        Err(error) => return tracing::warn!(error = %error, "a sweep waits for the state store"),
    };
    match context.records.sweep(Timestamp::now()).await {
        Ok(report) => {
            let forgotten = report.tasks.iter().chain(report.commands.iter().map(|(key, _)| key));
            for key in forgotten {
                if let Err(error) = context.states.forget(key).await {
                    tracing::warn!(task.id = %key.id, error = %error, "a swept task is still shown");
                }
            }
            if let Err(error) = context.publish_lost(&report.unheard).await {
                tracing::warn!(error = %error, "commands that nobody has heard of wait for the next sweep");
            }
            let (tasks, commands) = (report.tasks.len(), report.commands.len());
            tracing::info!(tasks, commands, keys = report.idempotency_keys, names = report.names, "swept");
        }
        Err(error) => tracing::warn!(error = %error, "a sweep did not end"),
    }
    // A lease that is not given back ends by itself.
    let _ = context.states.release(&lease).await;
}
