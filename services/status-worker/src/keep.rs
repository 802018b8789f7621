//! Looks for states that were lost and that nobody asks for, so that lists are whole; and for commands that nobody
//! has heard of.

use std::time::Duration;

use blobs::records::{UNHEARD_AFTER, unheard};
use bootstrap::HttpError;
use domain::{Revision, TaskId, TaskKey, TenantName};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// Tasks looked at in one go.
const PAGE: usize = 500;
/// Tasks that are compared with their records at a time.
const AT_ONCE: usize = 8;
/// How long one replica may look before another may.
const LEASE: Duration = Duration::from_secs(600);

/// Looks every `interval` until `shutdown`, first at once; never where `interval` is zero.
pub async fn run(worker: Worker, interval: Duration, shutdown: CancellationToken) {
    while !interval.is_zero() && !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => return,
            looked = look(&worker) => {
                if looked.is_err() {
                    tracing::warn!("the look for lost states did not end; it is repeated");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// The lease of looks: of a task that no tenant can have.
fn lease_key() -> TaskKey {
    let tenant = "marea-refold".parse().expect("`marea-refold` is a label");
    TaskKey { tenant, id: "00000000-0000-0000-0000-000000000000".parse().expect("a UUID") }
}

/// Where the state store is another one than at the last look that ended, by whichever replica, writes may have been lost.
async fn look(worker: &Worker) -> Result<(), HttpError> {
    let context = &worker.context;
    let Some(lease) = context.states.acquire(&lease_key(), context.service, LEASE).await? else { return Ok(()) };
    let now = context.states.incarnation().await?;
    let before = context.records.compared().await?;
    let lost = before.as_ref() != Some(&now);
    if lost && before.is_some() {
        tracing::warn!("a server of the states was replaced; every task is compared with its records");
    }
    for tenant in context.records.tenants().await? {
        tenant_tasks(worker, &tenant, lost).await?;
    }
    if lost {
        context.records.put_compared(&now).await?;
    }
    // One that is not given back ends by itself.
    let _ = context.states.release(&lease).await;
    Ok(())
}

/// All tasks where the oldest one is missing, for then all were lost, or where the last writes to any may be; else those of
/// the last day.
async fn tenant_tasks(worker: &Worker, tenant: &TenantName, lost_writes: bool) -> Result<(), HttpError> {
    let records = &worker.context.records;
    let Some(oldest) = records.tasks(tenant, None, 1).await?.first().copied() else { return Ok(()) };
    let mut after = match worker.context.states.get(&key(tenant, oldest)).await? {
        Some(_) if !lost_writes => bootstrap::since(jiff::SignedDuration::from_hours(24)),
        _ => None,
    };
    loop {
        let page = records.tasks(tenant, after, PAGE).await?;
        if lost_writes {
            let keys: Vec<_> = page.iter().map(|id| key(tenant, *id)).collect();
            let refolds = stream::iter(keys).map(|key| async move { worker.refold(&key).await.map(drop) });
            refolds.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
        let mut lost = Vec::new();
        for id in &page {
            let key = key(tenant, *id);
            let status = worker.status(&key).await?;
            if status.is_some_and(|status| !status.state.is_final()) {
                lost.extend(worker.unheard(key).await?);
            }
        }
        if let Err(error) = worker.context.publish_lost(&lost).await {
            tracing::warn!(error = %error, "commands that nobody has heard of wait for the next look");
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
    }
}

impl Worker {
    /// The task's commands that wait to be heard of for long: their events may be lost.
    async fn unheard(&self, key: TaskKey) -> Result<Option<(TaskKey, Vec<Revision>)>, HttpError> {
        let contents = self.context.records.contents(&key).await?;
        let mut waiting = unheard(&contents);
        waiting.retain(|n| Timestamp::now().duration_since(contents[n].modified) > UNHEARD_AFTER);
        Ok(Some((key, waiting)).filter(|(_, waiting)| !waiting.is_empty()))
    }
}

fn key(tenant: &TenantName, id: TaskId) -> TaskKey {
    TaskKey { tenant: tenant.clone(), id }
}

#[cfg(test)]
mod tests;
