//! States in the embedded database: facts are stored, and folded when they are read; what was folded
//! is kept in memory within a bound. The database's folder is locked, so nobody else writes.

mod cache;
mod leases;
mod table;
mod waiters;

use std::{sync::Arc, time::Duration};

use ::embedded::Database;
use async_trait::async_trait;
use domain::{Fact, State, TaskId, TaskKey, TaskName, TaskStatus, TenantName};
use tokio::time::Instant;

use self::{
    cache::{Cache, Kept},
    leases::Leases,
    table::Row,
    waiters::Waiters,
};
use crate::{
    Error, Lease, Page, Rendered, States,
    list::{self, Index},
    measure::measured,
    suffix,
};

/// Bytes of memory that statuses take, unless told: 256 MiB hold what is asked of some 200,000 small tasks.
pub const CACHE_BYTES: usize = 256 << 20;

/// States of a data folder. One per database: leases and what waits are in memory.
pub struct EmbeddedStates {
    shared: Arc<Shared>,
    leases: Leases,
}

struct Shared {
    database: Database,
    /// What `GET /status/<id>` sends: most reads by far.
    rendered: Cache<Rendered>,
    /// For lists and whoever waits.
    folded: Cache<Arc<TaskStatus>>,
    waiters: Waiters,
}

impl From<::embedded::Error> for Error {
    fn from(error: ::embedded::Error) -> Self {
        Self(error.to_string())
    }
}

impl EmbeddedStates {
    /// Makes the tables where they are absent.
    pub async fn open(database: Database) -> Result<Self, Error> {
        Self::open_with(database, CACHE_BYTES).await
    }

    /// As [`EmbeddedStates::open`], with statuses of at most `cache` bytes in memory. What is not there is folded from
    /// the database; only what was read takes room.
    pub async fn open_with(database: Database, cache: usize) -> Result<Self, Error> {
        database.create(table::SCHEMA).await?;
        // Of a small task some 1,000 bytes: with seven eighths, 100,000 of them fit one generation.
        let (rendered, folded) = (Cache::new(cache / 8 * 7), Cache::new(cache / 8));
        let shared = Shared { database, rendered, folded, waiters: Waiters::default() };
        Ok(Self { shared: Arc::new(shared), leases: Leases::default() })
    }

    /// Writes, then drops what memory holds of the tasks that changed. A task of its own, for it must run to
    /// its end: were the caller dropped in between, the write would be done and memory hold the old state.
    async fn write<F>(&self, write: F) -> Result<(), Error>
    where
        F: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<Vec<TaskKey>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let done = tokio::spawn(async move {
            for key in shared.database.write(write).await? {
                shared.rendered.forget(&key);
                shared.folded.forget(&key);
                shared.waiters.wake(&key);
            }
            Ok(())
        });
        done.await.map_err(|e| Error(e.to_string()))?
    }

    async fn wait(&self, key: &TaskKey, version: u64, wait: Duration) -> Result<Option<Arc<TaskStatus>>, Error> {
        let deadline = Instant::now() + wait;
        let waiter = self.shared.waiters.of(key);
        loop {
            let woken = waiter.woken();
            tokio::pin!(woken);
            // From here on no change is missed: also one that comes before the first poll.
            woken.as_mut().enable();
            let status = self.shared.get(key)?;
            if status.as_ref().map_or(0, |s| s.version) != version {
                return Ok(status);
            }
            if tokio::time::timeout_at(deadline, woken).await.is_err() {
                return Ok(status);
            }
        }
    }
}

impl Shared {
    fn get(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, Error> {
        self.kept(&self.folded, key, Arc::new)
    }

    fn rendered(&self, key: &TaskKey) -> Result<Option<Rendered>, Error> {
        self.kept(&self.rendered, key, |status| Rendered::of(&status))
    }

    /// What the cache has, else what `make` makes of the status that is read, which is then kept.
    fn kept<V: Kept>(
        &self,
        cache: &Cache<V>,
        key: &TaskKey,
        make: impl FnOnce(TaskStatus) -> V,
    ) -> Result<Option<V>, Error> {
        if let Some(value) = cache.get(key) {
            return Ok(Some(value));
        }
        let ticket = cache.ticket(key);
        let Some(status) = self.database.read(|db| table::status(db, key))? else { return Ok(None) };
        let value = make(status);
        cache.keep(key, &value, ticket);
        Ok(Some(value))
    }
}

#[async_trait]
impl States for EmbeddedStates {
    async fn add(&self, facts: &[Fact]) -> Result<(), Error> {
        let rows: Vec<Row> = facts.iter().map(Row::of).collect();
        measured("add", self.write(move |tx| table::add(tx, rows))).await
    }

    async fn get(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, Error> {
        measured("get", async { self.shared.get(key) }).await
    }

    async fn rendered(&self, key: &TaskKey) -> Result<Option<Rendered>, Error> {
        // A look into memory is not measured: that would take longer than the look.
        if let Some(rendered) = self.shared.rendered.get(key) {
            return Ok(Some(rendered));
        }
        measured("rendered", async { self.shared.rendered(key) }).await
    }

    async fn changed(&self, key: &TaskKey, version: u64, wait: Duration) -> Result<Option<Arc<TaskStatus>>, Error> {
        measured("changed", self.wait(key, version, wait)).await
    }

    async fn by_name(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, Error> {
        let read = || Ok(self.shared.database.read(|db| table::by_name(db, tenant, name))?);
        measured("by_name", async { read() }).await
    }

    async fn by_suffix(&self, tenant: &TenantName, suffix: &str) -> Result<Vec<TaskId>, Error> {
        if !suffix::is_suffix(suffix) {
            return Ok(vec![]);
        }
        let read = || Ok(self.shared.database.read(|db| table::by_suffix(db, tenant, &suffix::backwards(suffix)))?);
        measured("by_suffix", async { read() }).await
    }

    async fn list(
        &self,
        tenant: &TenantName,
        state: Option<State>,
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Page, Error> {
        let index = TenantIndex { shared: &self.shared, tenant };
        measured("list", list::page(&index, state, before, limit)).await
    }

    async fn forget(&self, key: &TaskKey) -> Result<(), Error> {
        let key = key.clone();
        measured("forget", self.write(move |tx| table::forget(tx, &key).map(|()| vec![key]))).await
    }

    async fn acquire(&self, key: &TaskKey, holder: &str, ttl: Duration) -> Result<Option<Lease>, Error> {
        Ok(self.leases.acquire(key, holder, ttl))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, Error> {
        Ok(self.leases.renew(lease, ttl))
    }

    async fn release(&self, lease: &Lease) -> Result<bool, Error> {
        Ok(self.leases.release(lease))
    }

    async fn incarnation(&self) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn ready(&self) -> Result<(), Error> {
        Ok(self.shared.database.read(|db| db.query_row("SELECT 1", [], |_| Ok(())))?)
    }
}

struct TenantIndex<'a> {
    shared: &'a Arc<Shared>,
    tenant: &'a TenantName,
}

impl Index for TenantIndex<'_> {
    async fn ids(&self, before: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, Error> {
        Ok(self.shared.database.read(|db| table::ids(db, self.tenant, before, limit))?)
    }

    /// On a thread that may block: a page of tasks that are not in memory takes milliseconds.
    async fn statuses(&self, ids: &[TaskId]) -> Result<Vec<Option<Arc<TaskStatus>>>, Error> {
        let (shared, tenant) = (Arc::clone(self.shared), self.tenant.clone());
        let keys: Vec<_> = ids.iter().map(|id| TaskKey { tenant: tenant.clone(), id: *id }).collect();
        let read = tokio::task::spawn_blocking(move || keys.iter().map(|key| shared.get(key)).collect());
        read.await.map_err(|e| Error(e.to_string()))?
    }
}
