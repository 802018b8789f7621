//! Records of tasks: commands, and what became of them.

use std::collections::BTreeMap;

use domain::{Command, Outcome, Rendered, Revision, TaskId, TaskKey, TenantName, record::Report};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{Records, path};
use crate::{Entry, Error};

/// Keys that one list call asks for: what S3 gives at most.
pub(super) const PAGE: usize = 1_000;

/// Which records a command has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// `command`: what was asked for.
    pub command: bool,
    /// `rendered`: what is applied.
    pub rendered: bool,
    /// `report`: what validation said.
    pub report: bool,
    /// `outcome`: how it ended.
    pub outcome: bool,
    /// Some note of [`Records::put_note`].
    pub notes: bool,
    /// When the newest of them was written, by the store's clock.
    pub modified: Timestamp,
}

impl Contents {
    pub(super) fn add(&mut self, part: &str, modified: Timestamp) {
        match part {
            path::COMMAND => self.command = true,
            path::RENDERED => self.rendered = true,
            path::REPORT => self.report = true,
            path::OUTCOME => self.outcome = true,
            _ => self.notes = true,
        }
        self.modified = self.modified.max(modified);
    }

    /// Whether nobody but entrypoint has written anything.
    pub(super) fn untouched(&self) -> bool {
        !(self.rendered || self.report || self.outcome || self.notes)
    }

    /// Whether it supersedes what is below: it was accepted, or is a roll back that was worked on (those are never
    /// reported on).
    fn supersedes(&self) -> bool {
        self.rendered || ((self.outcome || self.notes) && !self.report)
    }
}

/// Commands that nobody has worked on and that nothing worked on supersedes, in order. Their events are on their way,
/// or were lost with whoever stored them: to publish one again does no harm.
pub fn unheard(contents: &BTreeMap<Revision, Contents>) -> Vec<Revision> {
    let above = contents.iter().rev().take_while(|(_, c)| !c.supersedes());
    let mut found: Vec<_> = above.filter(|(_, c)| c.command && c.untouched()).map(|(n, _)| *n).collect();
    found.reverse();
    found
}

fn contents(entries: &[Entry]) -> BTreeMap<Revision, Contents> {
    let mut all = BTreeMap::<Revision, Contents>::new();
    for entry in entries {
        if let Some((_, n, part)) = path::parse_part(&entry.key) {
            all.entry(n).or_default().add(part, entry.modified);
        }
    }
    all
}

impl Records {
    /// Creates a command. `false`: that number is taken by another command.
    pub async fn create_command(&self, command: &Command) -> Result<bool, Error> {
        self.create(&path::part(&command.key(), command.revision, path::COMMAND), command).await
    }

    /// One command of a task.
    pub async fn command(&self, key: &TaskKey, n: Revision) -> Result<Option<Command>, Error> {
        self.read(&path::part(key, n, path::COMMAND)).await
    }

    /// The number of the task's last command, in one list call; `None`: there is no such task.
    pub async fn highest(&self, key: &TaskKey) -> Result<Option<Revision>, Error> {
        let contents = self.contents(key).await?;
        Ok(contents.into_iter().rev().find(|(_, c)| c.command).map(|(n, _)| n))
    }

    /// Every command of a task, in order; one read in the embedded store.
    pub async fn commands(&self, key: &TaskKey) -> Result<Vec<Command>, Error> {
        let all = self.read_all(&path::task(key), path::COMMAND).await?;
        Ok(all.into_iter().map(|(_, command)| command).collect())
    }

    /// Which records the task has, by command, in one list call.
    pub async fn contents(&self, key: &TaskKey) -> Result<BTreeMap<Revision, Contents>, Error> {
        Ok(contents(&self.blobs.list(&path::task(key), None, usize::MAX).await?))
    }

    /// Writes what a revision rendered to. `false`: it is rendered already, and that holds.
    pub async fn put_rendered(&self, key: &TaskKey, n: Revision, rendered: &Rendered) -> Result<bool, Error> {
        self.create(&path::part(key, n, path::RENDERED), rendered).await
    }

    /// What a revision rendered to.
    pub async fn rendered(&self, key: &TaskKey, n: Revision) -> Result<Option<Rendered>, Error> {
        self.read(&path::part(key, n, path::RENDERED)).await
    }

    /// Writes what validation said. `false`: there is a report already, and that holds.
    pub async fn put_report(&self, key: &TaskKey, n: Revision, report: &Report) -> Result<bool, Error> {
        self.create(&path::part(key, n, path::REPORT), report).await
    }

    /// What validation said.
    pub async fn report(&self, key: &TaskKey, n: Revision) -> Result<Option<Report>, Error> {
        self.read(&path::part(key, n, path::REPORT)).await
    }

    /// Writes how a command ended, and gives the outcome that holds: the first one written.
    pub async fn put_outcome(&self, key: &TaskKey, n: Revision, outcome: &Outcome) -> Result<Outcome, Error> {
        let place = path::part(key, n, path::OUTCOME);
        if self.create(&place, outcome).await? {
            return Ok(outcome.clone());
        }
        let first = self.read(&place).await?;
        first.ok_or_else(|| Error::Unavailable("the outcome was refused and is not there; try again".to_owned()))
    }

    /// How a command ended.
    pub async fn outcome(&self, key: &TaskKey, n: Revision) -> Result<Option<Outcome>, Error> {
        self.read(&path::part(key, n, path::OUTCOME)).await
    }

    /// How the task's commands ended, those that did; one read in the embedded store.
    pub async fn outcomes(&self, key: &TaskKey) -> Result<BTreeMap<Revision, Outcome>, Error> {
        let all = self.read_all(&path::task(key), path::OUTCOME).await?;
        Ok(all.into_iter().filter_map(|(k, outcome)| Some((path::parse_part(&k)?.1, outcome))).collect())
    }

    /// Keeps a note of a command, over the one that is there: for what a consumer learns before the end,
    /// for example what each apply returned. `name` is a word of its writer, not one of the records' own.
    pub async fn put_note<T: Serialize>(&self, key: &TaskKey, n: Revision, name: &str, note: &T) -> Result<(), Error> {
        self.put(&path::part(key, n, name), note).await
    }

    /// A note of [`Records::put_note`].
    pub async fn note<T: DeserializeOwned>(&self, key: &TaskKey, n: Revision, name: &str) -> Result<Option<T>, Error> {
        self.read(&path::part(key, n, name)).await
    }

    /// Ids of a tenant's tasks, oldest first, from `after` on (exclusive).
    pub async fn tasks(&self, tenant: &TenantName, after: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, Error> {
        let mut ids = Vec::<TaskId>::new();
        let mut from = after.map(|id| path::after_task(tenant, id));
        while ids.len() < limit {
            let page = self.blobs.list(&path::tasks(tenant), from.as_deref(), PAGE).await?;
            ids.extend(page.iter().filter_map(|e| path::parse_part(&e.key)).map(|(id, ..)| id));
            ids.dedup();
            // What follows of the page's last task need not be listed.
            from = ids.last().map(|id| path::after_task(tenant, *id));
            if page.len() < PAGE {
                break;
            }
        }
        ids.truncate(limit);
        Ok(ids)
    }

    /// Every tenant that has records, in order; a list call each.
    pub async fn tenants(&self) -> Result<Vec<TenantName>, Error> {
        let mut tenants = Vec::new();
        let mut from = path::AFTER_ACCESS.to_owned();
        while let [entry] = self.blobs.list("", Some(&from), 1).await?.as_slice() {
            let first = entry.key.split('/').next().unwrap_or_default();
            let tenant: TenantName = first
                .parse()
                .map_err(|e: domain::id::Invalid| Error::Corrupt { key: entry.key.clone(), reason: e.to_string() })?;
            from = path::after_tenant(&tenant);
            tenants.push(tenant);
        }
        Ok(tenants)
    }
}
