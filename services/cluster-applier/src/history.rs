//! What the records say of a task's commands.

use std::collections::BTreeMap;

use blobs::{
    Error, Records,
    records::{Contents, unheard},
};
use domain::{Action, Command, Outcome, Rendered, Revision, TaskKey, record::Ending};

/// A task's records, listed once.
pub(crate) struct History<'a> {
    records: &'a Records,
    key: &'a TaskKey,
    contents: BTreeMap<Revision, Contents>,
}

impl<'a> History<'a> {
    pub(crate) async fn read(records: &'a Records, key: &'a TaskKey) -> Result<Self, Error> {
        Ok(Self { records, key, contents: records.contents(key).await? })
    }

    /// The number of the last command; 0 where there is none.
    pub(crate) fn highest(&self) -> Revision {
        self.contents.iter().rev().find(|(_, c)| c.command).map_or(0, |(n, _)| *n)
    }

    /// The command above `n` that holds: the highest roll back or accepted revision. A rejected one never
    /// holds, and one that is not judged yet not before it is accepted: what is under way goes on.
    pub(crate) async fn in_force_above(&self, n: Revision) -> Result<Option<Command>, Error> {
        let above = self.contents.range(n + 1..).rev();
        for (n, contents) in above.filter(|(_, c)| c.command && (c.rendered || !c.report)) {
            let command = self.command(*n).await?;
            if let Some(command) = command.filter(|c| contents.rendered || c.action == Action::RollBack) {
                return Ok(Some(command));
            }
        }
        Ok(None)
    }

    /// The newest command below `n` that was rendered.
    pub(crate) async fn accepted_below(&self, n: Revision) -> Result<Option<Command>, Error> {
        match self.contents.range(..n).rev().find(|(_, c)| c.command && c.rendered) {
            Some((below, _)) => self.command(*below).await,
            None => Ok(None),
        }
    }

    /// Commands above `n` that nobody has worked on: whoever stored them may have died before they were published.
    pub(crate) fn unheard_above(&self, n: Revision) -> Vec<Revision> {
        let mut unheard = unheard(&self.contents);
        unheard.retain(|above| *above > n);
        unheard
    }

    pub(crate) async fn command(&self, n: Revision) -> Result<Option<Command>, Error> {
        self.records.command(self.key, n).await
    }

    pub(crate) async fn rendered(&self, n: Revision) -> Result<Option<Rendered>, Error> {
        self.records.rendered(self.key, n).await
    }

    /// How a command ended. Asks only where there is an outcome.
    pub(crate) async fn outcome(&self, n: Revision) -> Result<Option<Outcome>, Error> {
        if !self.contents.get(&n).is_some_and(|c| c.outcome) {
            return Ok(None);
        }
        self.records.outcome(self.key, n).await
    }

    /// The revision whose objects are live below `n`, if any.
    pub(crate) async fn live_below(&self, n: Revision) -> Result<Option<Revision>, Error> {
        for (below, _) in self.contents.range(..n).rev() {
            match self.outcome(*below).await? {
                Some(outcome) if outcome.ending == Ending::RolledBack => return Ok(None),
                // They change nothing of what is live, and may have ended while an earlier one was under way.
                Some(outcome) if matches!(outcome.ending, Ending::Rejected | Ending::Superseded) => {}
                Some(outcome) if outcome.live.is_some() => return Ok(outcome.live),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Revisions below `n` with the objects that may still be there, newest first: all of those down to the last ending after
    /// which nothing but the live revision was left, and what that left on purpose.
    pub(crate) async fn unpruned_below(&self, n: Revision) -> Result<Vec<Rendered>, Error> {
        let mut found = vec![];
        for (below, contents) in self.contents.range(..n).rev() {
            match self.outcome(*below).await? {
                Some(outcome) if outcome.ending == Ending::RolledBack => break,
                Some(outcome) if matches!(outcome.ending, Ending::Applied | Ending::Reverted) => {
                    found.extend(self.rendered(outcome.live.unwrap_or(*below)).await?);
                    found.push(cluster::left(&outcome.kept));
                    break;
                }
                _ if contents.rendered => found.extend(self.rendered(*below).await?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// The newest revision up to `n` that was rendered.
    pub(crate) async fn newest_rendered(&self, n: Revision) -> Result<Option<Rendered>, Error> {
        match self.contents.range(..=n).rev().find(|(_, c)| c.rendered) {
            Some((newest, _)) => self.rendered(*newest).await,
            None => Ok(None),
        }
    }

    /// Every revision below `n` that may have been applied, newest first.
    pub(crate) async fn rendered_below(&self, n: Revision) -> Result<Vec<Rendered>, Error> {
        let mut found = vec![];
        for (below, _) in self.contents.range(..n).rev().filter(|(_, c)| c.rendered) {
            found.extend(self.rendered(*below).await?);
        }
        Ok(found)
    }
}
