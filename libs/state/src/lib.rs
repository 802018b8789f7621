//! Task state and leases: one trait, [`States`], over Redis Cluster (fred) and over the embedded
//! database, and one contract suite that both pass. Beside it the counters of contests: [`tallies`].
//!
//! State is a cache of what records and facts say: it may be lost, and is folded again.

pub mod embedded;
mod list;
mod measure;
pub mod redis;
mod rendered;
mod stored;
mod suffix;
pub mod tallies;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{Fact, State, TaskId, TaskKey, TaskName, TaskStatus, TenantName};
pub use rendered::Rendered;

/// The store did not answer; may be tried again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the state store did not answer: {0}")]
pub struct Error(pub String);

/// The right to run one task's commands, until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub key: TaskKey,
    /// Grows with every holder.
    pub epoch: u64,
    /// Tells this holder from others.
    pub holder: String,
    /// The one before was not given back: its holder died, or was paused over its end and may yet wake up.
    /// A store that lost the one before cannot tell.
    pub taken_over: bool,
}

/// One row of a list of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The tasks, newest first. Fewer than asked for, even none, where the store has looked at its bound
    /// of tasks and few were in the state: `next` tells whether there is more.
    pub tasks: Vec<Arc<TaskStatus>>,
    /// The `before` of the next page; `None`: this is the last.
    pub next: Option<TaskId>,
}

/// A store of task states.
#[async_trait]
pub trait States: Send + Sync + 'static {
    /// Adds facts to their tasks' sets, each task atomically: of two facts with one `Fact::member` the one
    /// with the higher `Fact::precedence` holds, and of equals the one that is there. Also keeps the indexes
    /// by tenant, name and id suffix. Facts of many tasks may be given; adding one twice changes nothing.
    async fn add(&self, facts: &[Fact]) -> Result<(), Error>;

    /// A task's status, folded. `version` grows with every fact that changed the set, progress included.
    async fn get(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, Error>;

    /// A task's status as [`States::get`] gives it, in JSON: never an older one. A store that knows of every write may
    /// keep what it rendered.
    async fn rendered(&self, key: &TaskKey) -> Result<Option<Rendered>, Error> {
        Ok(self.get(key).await?.map(|status| Rendered::of(&status)))
    }

    /// Waits until the task's version is not `version` or the time is over, then answers as [`States::get`].
    /// A task that is not there has version 0.
    async fn changed(&self, key: &TaskKey, version: u64, wait: Duration) -> Result<Option<Arc<TaskStatus>>, Error>;

    /// The newest task of that name.
    async fn by_name(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, Error>;

    /// Tasks whose id ends with `suffix` (4 to 32 lower case hexadecimal digits, hyphens left out), at most two.
    async fn by_suffix(&self, tenant: &TenantName, suffix: &str) -> Result<Vec<TaskId>, Error>;

    /// A tenant's tasks, newest first, from `before` on (exclusive), only those in `state` where given.
    async fn list(
        &self,
        tenant: &TenantName,
        state: Option<State>,
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Page, Error>;

    /// Forgets a task.
    async fn forget(&self, key: &TaskKey) -> Result<(), Error>;

    /// Takes the lease of a task for `ttl`, unless it is held: also by a holder of the same name.
    async fn acquire(&self, key: &TaskKey, holder: &str, ttl: Duration) -> Result<Option<Lease>, Error>;

    /// Prolongs a lease to `ttl` from now: `false` where it is lost.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, Error>;

    /// Gives a lease back, if it is still this one: `false` where it is lost.
    async fn release(&self, lease: &Lease) -> Result<bool, Error>;

    /// Differs from an earlier answer where acknowledged writes may have been lost since: a server was replaced or
    /// began anew.
    async fn incarnation(&self) -> Result<String, Error>;

    /// Whether the store answers; else why not, for `/readyz`.
    async fn ready(&self) -> Result<(), Error>;
}
