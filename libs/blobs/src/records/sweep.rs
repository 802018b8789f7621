//! The sweep: removes what nobody was promised anything for.

use std::collections::BTreeMap;

use domain::{Action, Revision, TaskId, TaskKey, TaskName, TenantName};
use jiff::{SignedDuration, Timestamp};

use super::{
    Contents, Records, path,
    tasks::{self, PAGE},
};
use crate::{Entry, Error};

/// Records that nobody but entrypoint touched are abandoned after this: longer than any message waits.
pub const ABANDONED_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A command that nobody has worked on for so long may have lost its event.
pub const UNHEARD_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Claims of names are looked at from [`ABANDONED_AFTER`] until this age: older ones were looked at before,
/// and to read each claim of a large tenant in every sweep would be dear. A sweep a week misses none.
const NAMES_UNTIL: SignedDuration = SignedDuration::from_hours(21 * 24);
/// How long an idempotency key is kept.
pub const IDEMPOTENCY_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What a sweep removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Tasks of which no command was ever run: their records are gone; `States::forget` them.
    pub tasks: Vec<TaskKey>,
    /// Last commands of other tasks that were never run: forget those tasks' states and fold them again.
    pub commands: Vec<(TaskKey, Revision)>,
    /// Commands that wait to be heard of for more than [`UNHEARD_AFTER`], in order: publish them again.
    pub unheard: Vec<(TaskKey, Vec<Revision>)>,
    /// Expired idempotency keys.
    pub idempotency_keys: u64,
    /// Names of tasks that do not exist: they can be claimed again.
    pub names: u64,
}

impl Records {
    /// Removes, as of `now`:
    /// - tasks of which no command has any record but itself (no report, rendering, note or outcome), all older
    ///   than 7 days: a crash of entrypoint before it published left them, and no 202 was answered;
    /// - the last command of another task, if it is such a one and no roll back: it would hold up the task,
    ///   and a roll back that waits is never given up;
    /// - idempotency keys older than 24 h;
    /// - claims of names by tasks that do not exist.
    ///
    /// What waits to be heard of is told, and left. A task that has run is never touched, however long it runs. One sweep at a time (take a lease).
    pub async fn sweep(&self, now: Timestamp) -> Result<SweepReport, Error> {
        let mut report = SweepReport::default();
        for tenant in self.tenants().await? {
            let mut sweep = Sweep { records: self, tenant, now, report: &mut report };
            sweep.tasks().await?;
            sweep.idempotency_keys().await?;
            sweep.names().await?;
        }
        Ok(report)
    }
}

struct Sweep<'a> {
    records: &'a Records,
    tenant: TenantName,
    now: Timestamp,
    report: &'a mut SweepReport,
}

fn older(now: Timestamp, modified: Timestamp, age: SignedDuration) -> bool {
    now.duration_since(modified) > age
}

impl Sweep<'_> {
    async fn page(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Entry>, Error> {
        self.records.blobs.list(prefix, after, PAGE).await
    }

    /// Tasks come in the order of keys, so that one is whole when the next begins.
    async fn tasks(&mut self) -> Result<(), Error> {
        let mut open: Option<(TaskId, BTreeMap<Revision, Contents>)> = None;
        let (prefix, mut after) = (path::tasks(&self.tenant), None);
        loop {
            let page = self.page(&prefix, after.as_deref()).await?;
            for entry in &page {
                let Some((id, n, part)) = path::parse_part(&entry.key) else { continue };
                if open.as_ref().is_none_or(|(o, _)| *o != id)
                    && let Some((id, contents)) = open.replace((id, BTreeMap::new()))
                {
                    self.task(id, &contents).await?;
                }
                if let Some((_, contents)) = &mut open {
                    contents.entry(n).or_default().add(part, entry.modified);
                }
            }
            let Some(last) = page.into_iter().last() else { break };
            after = Some(last.key);
        }
        match open {
            Some((id, contents)) => self.task(id, &contents).await,
            None => Ok(()),
        }
    }

    async fn task(&mut self, id: TaskId, contents: &BTreeMap<Revision, Contents>) -> Result<(), Error> {
        let abandoned = |c: &Contents| c.untouched() && older(self.now, c.modified, ABANDONED_AFTER);
        let Some((last, true)) = contents.last_key_value().map(|(n, c)| (*n, abandoned(c))) else {
            self.unheard(id, contents);
            return Ok(());
        };
        let whole = contents.values().all(abandoned);
        let key = TaskKey { tenant: self.tenant.clone(), id };
        // Once more, just before: a command may have come, or have been run, since the page was listed.
        if self.records.contents(&key).await? != *contents {
            return Ok(());
        }
        if whole {
            return self.remove_task(key, contents).await;
        }
        match self.records.command(&key, last).await? {
            Some(command) if command.action != Action::RollBack => {
                self.records.blobs.delete(&path::part(&key, last, path::COMMAND)).await?;
                self.report.commands.push((key, last));
                Ok(())
            }
            _ => {
                self.unheard(key.id, contents);
                Ok(())
            }
        }
    }

    fn unheard(&mut self, id: TaskId, contents: &BTreeMap<Revision, Contents>) {
        let mut waiting = tasks::unheard(contents);
        waiting.retain(|n| older(self.now, contents[n].modified, UNHEARD_AFTER));
        if !waiting.is_empty() {
            self.report.unheard.push((TaskKey { tenant: self.tenant.clone(), id }, waiting));
        }
    }

    /// From the last command down, so that a crash half-way leaves the lower ones for the next sweep.
    async fn remove_task(&mut self, key: TaskKey, contents: &BTreeMap<Revision, Contents>) -> Result<(), Error> {
        let name = self.records.command(&key, 1).await?.map(|command| command.name);
        for n in contents.keys().rev() {
            self.records.blobs.delete(&path::part(&key, *n, path::COMMAND)).await?;
        }
        if let Some(name) = name {
            self.give_back(&name, key.id).await?;
        }
        self.report.tasks.push(key);
        Ok(())
    }

    async fn give_back(&mut self, name: &TaskName, id: TaskId) -> Result<(), Error> {
        let given = self.records.give_back(&self.tenant, name, id).await?;
        self.report.names += u64::from(given);
        Ok(())
    }

    async fn idempotency_keys(&mut self) -> Result<(), Error> {
        let (prefix, mut after) = (path::idempotency_keys(&self.tenant), None);
        let now = self.now;
        loop {
            let page = self.page(&prefix, after.as_deref()).await?;
            for entry in page.iter().filter(|e| older(now, e.modified, IDEMPOTENCY_KEPT)) {
                self.records.blobs.delete(&entry.key).await?;
                self.report.idempotency_keys += 1;
            }
            let Some(last) = page.into_iter().last() else { return Ok(()) };
            after = Some(last.key);
        }
    }

    async fn names(&mut self) -> Result<(), Error> {
        let (prefix, mut after) = (path::names(&self.tenant), None);
        let now = self.now;
        loop {
            let page = self.page(&prefix, after.as_deref()).await?;
            for entry in page.iter().filter(|e| older(now, e.modified, ABANDONED_AFTER)) {
                if !older(self.now, entry.modified, NAMES_UNTIL) {
                    self.name(entry).await?;
                }
            }
            let Some(last) = page.into_iter().last() else { return Ok(()) };
            after = Some(last.key);
        }
    }

    /// Only a chain's last link counts: a younger one may be of a task that is stored in the next moment.
    async fn name(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some((name, k)) = path::parse_name(&entry.key) else { return Ok(()) };
        let last = self.records.last_link(&self.tenant, &name).await?;
        let Some(id) = last.filter(|(last, _)| *last == k).and_then(|(_, link)| link.task) else { return Ok(()) };
        let key = TaskKey { tenant: self.tenant.clone(), id };
        if self.records.contents(&key).await?.is_empty() {
            self.give_back(&name, id).await?;
        }
        Ok(())
    }
}
