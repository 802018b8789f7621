//! States in Redis Cluster (or one Redis server), by fred.
//!
//! A task's facts are one hash, `marea:{<task id>}`, changed by one atomic script; a tenant's indexes are
//! written before it, so that they may know a task too many but never one too few. A fail-over loses the last
//! writes, acknowledged ones too: status-worker adds the facts again, which changes nothing where they are there.

pub(crate) mod connect;
pub(crate) mod incarnation;
mod index;
mod lease;
mod scripts;
mod task;
mod waiting;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
pub use connect::ConnectError;
use domain::{Fact, State, TaskId, TaskKey, TaskName, TaskStatus, TenantName};
use fred::prelude::{Client, ClientLike, ClusterInterface};
use futures::future::{BoxFuture, try_join_all};
use tokio::{task::JoinHandle, time::Instant};

use self::{scripts::Scripts, waiting::Waiting};
use crate::{
    Error, Lease, Page, States,
    list::{self, Index},
    measure::measured,
    suffix,
};

/// Bound on one operation, whatever the client does meanwhile: twice what one command may take, as an operation
/// is at most two commands in a row; below the 10 s after which a consumer gives up its subscription.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often a task that is waited for is looked at, for another replica may change it: soon at first, for most
/// changes follow each other closely, then rarely, for a thousand waiting readers must not load Redis.
/// Subscriptions would be lost unseen with their connection; a look costs one field.
const POLL_FIRST: Duration = Duration::from_millis(10);
const POLL_LAST: Duration = Duration::from_millis(500);

/// States in Redis.
pub struct RedisStates {
    client: Client,
    scripts: Scripts,
    /// Who waits here for a change of which task.
    waiting: Waiting,
    /// Whether the last operation failed: an outage is logged once.
    down: AtomicBool,
    connection: JoinHandle<Result<(), fred::error::Error>>,
}

impl Drop for RedisStates {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl From<fred::error::Error> for Error {
    fn from(error: fred::error::Error) -> Self {
        Self(error.to_string())
    }
}

impl RedisStates {
    /// Ends an operation in time, measures it, and says once that Redis is away and once that it is back.
    /// Boxed, for fred's futures are large.
    fn run<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        Box::pin(async move {
            let late = |_| Error(format!("no answer within {} s", DEADLINE.as_secs()));
            let within = async { tokio::time::timeout(DEADLINE, work).await.map_err(late)? };
            let result = measured(operation, within).await;
            self.tell(operation, result.as_ref().err());
            result
        })
    }

    fn tell(&self, operation: &str, error: Option<&Error>) {
        match error {
            None if self.down.swap(false, Ordering::Relaxed) => tracing::info!("redis answers again"),
            Some(error) if !self.down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, operation, "redis does not answer; trying for ever");
            }
            _ => {}
        }
    }

    /// As one operation of two steps: the indexes first.
    async fn add_all(&self, facts: &[Fact]) -> Result<(), Error> {
        index::add(&self.client, facts).await?;
        let added = task::add(&self.client, &self.scripts, facts).await;
        self.waiting.wake(facts.iter().map(|fact| fact.task));
        added
    }

    async fn forget_all(&self, key: &TaskKey) -> Result<(), Error> {
        let name = task::status(&self.client, key).await?.map(|status| status.name.clone());
        task::forget(&self.client, key).await?;
        index::forget(&self.client, key, name.as_ref()).await
    }

    async fn ping_all(&self) -> Result<(), Error> {
        let Some(cluster) = self.client.cached_cluster_state().filter(|state| state.len() > 0) else {
            return Ok(self.client.ping(None).await?);
        };
        let nodes = cluster.unique_primary_nodes();
        let pings = nodes.into_iter().map(|node| async { self.client.with_cluster_node(node).ping::<()>(None).await });
        try_join_all(pings).await?;
        Ok(())
    }
}

#[async_trait]
impl States for RedisStates {
    async fn add(&self, facts: &[Fact]) -> Result<(), Error> {
        self.run("add", self.add_all(facts)).await
    }

    async fn get(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, Error> {
        self.run("get", task::status(&self.client, key)).await
    }

    /// Looks when a fact of the task is added here; and after 10 ms, then less and less often, down to twice a second.
    async fn changed(&self, key: &TaskKey, version: u64, wait: Duration) -> Result<Option<Arc<TaskStatus>>, Error> {
        let (deadline, mut pause) = (Instant::now() + wait, POLL_FIRST);
        loop {
            let change = self.waiting.change(key.id);
            let mut changed = pin!(change.notified());
            // From here on, so that what is added between the look and the wait is not missed.
            changed.as_mut().enable();
            let now = self.run("version", task::version(&self.client, key)).await?;
            if now != version || Instant::now() >= deadline {
                return self.get(key).await;
            }
            // Whichever comes first.
            let _late = tokio::time::timeout_at(deadline.min(Instant::now() + pause), changed).await;
            pause = POLL_LAST.min(pause * 3 / 2);
        }
    }

    async fn by_name(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, Error> {
        self.run("by_name", index::by_name(&self.client, tenant, name)).await
    }

    async fn by_suffix(&self, tenant: &TenantName, suffix: &str) -> Result<Vec<TaskId>, Error> {
        if !suffix::is_suffix(suffix) {
            return Ok(vec![]);
        }
        self.run("by_suffix", index::by_suffix(&self.client, tenant, suffix)).await
    }

    async fn list(
        &self,
        tenant: &TenantName,
        state: Option<State>,
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Page, Error> {
        let index = TenantIndex { client: &self.client, tenant };
        self.run("list", list::page(&index, state, before, limit)).await
    }

    async fn forget(&self, key: &TaskKey) -> Result<(), Error> {
        self.run("forget", self.forget_all(key)).await
    }

    async fn acquire(&self, key: &TaskKey, holder: &str, ttl: Duration) -> Result<Option<Lease>, Error> {
        self.run("acquire", lease::acquire(&self.client, &self.scripts, key, holder, ttl)).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, Error> {
        self.run("renew", lease::renew(&self.client, &self.scripts, lease, ttl)).await
    }

    async fn release(&self, lease: &Lease) -> Result<bool, Error> {
        self.run("release", lease::release(&self.client, &self.scripts, lease)).await
    }

    async fn incarnation(&self) -> Result<String, Error> {
        self.run("incarnation", incarnation::incarnation(&self.client)).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.run("ready", self.ping_all()).await
    }
}

struct TenantIndex<'a> {
    client: &'a Client,
    tenant: &'a TenantName,
}

impl Index for TenantIndex<'_> {
    async fn ids(&self, before: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, Error> {
        index::ids(self.client, self.tenant, before, limit).await
    }

    /// All at once: the client pipelines them to their nodes.
    async fn statuses(&self, ids: &[TaskId]) -> Result<Vec<Option<Arc<TaskStatus>>>, Error> {
        let read = |id: &TaskId| {
            let key = TaskKey { tenant: self.tenant.clone(), id: *id };
            async move { task::status(self.client, &key).await }
        };
        try_join_all(ids.iter().map(read)).await
    }
}
