//! States from records: of tasks that the state store does not have, or that have stood still.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use blobs::{Records, records::Contents};
use bootstrap::HttpError;
use domain::{
    Command, Fact, FactBody, Outcome, Problem, State, TaskKey, TaskStatus, limits,
    record::{Ending, Report},
    status,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use state::Rendered;

use crate::Worker;

/// A task that is not final and has not changed for so long is folded again, and not more often.
const STILL: Duration = Duration::from_secs(60);
/// Tasks of which it is remembered when they were folded again.
const REMEMBERED: usize = 100_000;

/// When tasks were folded again.
#[derive(Default)]
pub struct Refolds(Mutex<HashMap<TaskKey, Instant>>);

impl Refolds {
    /// Whether it is time to fold a task again; it counts as done now.
    fn due(&self, key: &TaskKey) -> bool {
        let mut done = self.0.lock();
        if done.get(key).is_some_and(|at| at.elapsed() < STILL) {
            return false;
        }
        if done.len() >= REMEMBERED {
            done.clear();
        }
        done.insert(key.clone(), Instant::now());
        true
    }
}

impl Worker {
    /// A task's status: of the state store, else of its records. `None`: there is no such task.
    pub async fn status(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, HttpError> {
        match self.context.states.get(key).await? {
            Some(status) if !stands_still(status.state, status.updated) || !self.refolds.due(key) => Ok(Some(status)),
            _ => self.refold(key).await,
        }
    }

    /// As [`Worker::status`], ready to be sent.
    pub async fn rendered(&self, key: &TaskKey) -> Result<Option<Rendered>, HttpError> {
        match self.context.states.rendered(key).await? {
            Some(status) if !stands_still(status.state, status.updated) || !self.refolds.due(key) => Ok(Some(status)),
            _ => Ok(self.refold(key).await?.map(|status| Rendered::of(&status))),
        }
    }

    /// Folds a task again, into its state and into the lists that it belongs to.
    pub async fn refold(&self, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, HttpError> {
        let facts = facts(&self.context.records, key).await?;
        // Right after the 202 its first fact is on its way: not lost, and not ours to add, for it may not be confirmed.
        if facts.len() > 1 {
            self.context.states.add(&facts).await?;
        }
        if let Some(status) = self.context.states.get(key).await? {
            return Ok(Some(status));
        }
        Ok(status::fold(&facts).map(|status| Arc::new(TaskStatus { version: 0, ..status })))
    }
}

fn stands_still(state: State, updated: Timestamp) -> bool {
    // The clock is read only where it matters.
    let age = || Timestamp::now().duration_since(updated);
    !state.is_final() && age() > SignedDuration::try_from(STILL).unwrap_or(SignedDuration::MAX)
}

/// The facts that a task's records tell.
///
/// # Errors
/// Where the records do not answer.
pub async fn facts(records: &Records, key: &TaskKey) -> Result<Vec<Fact>, blobs::Error> {
    let (commands, contents, outcomes) =
        tokio::try_join!(records.commands(key), records.contents(key), records.outcomes(key))?;
    let mut facts = Vec::new();
    for command in &commands {
        let n = command.revision;
        let told = contents.get(&n).copied().unwrap_or_default();
        facts.push(command.fact());
        facts.extend(validated(records, key, command, told).await?);
        let ended = outcomes.get(&n).map(ending).unwrap_or_default();
        let at = outcomes.get(&n).map_or(command.created, |o| o.time);
        facts.extend(ended.into_iter().map(|body| about(command, at, body)));
    }
    Ok(facts)
}

fn about(command: &Command, time: Timestamp, body: FactBody) -> Fact {
    let Command { tenant, task, name, revision, .. } = command.clone();
    Fact { tenant, task, name, revision, time, body }
}

/// What validation said, and whether applying began: then cluster-applier left notes.
async fn validated(
    records: &Records,
    key: &TaskKey,
    command: &Command,
    told: Contents,
) -> Result<Vec<Fact>, blobs::Error> {
    let n = command.revision;
    if !told.report || !told.rendered {
        return Ok(vec![]);
    }
    let (report, rendered) = tokio::try_join!(records.report(key, n), records.rendered(key, n))?;
    let (Some(Report { problems, .. }), Some(rendered)) = (report, rendered) else { return Ok(vec![]) };
    let objects = u32::try_from(rendered.objects.len()).unwrap_or(u32::MAX);
    let valid = FactBody::Validated { objects, warnings: bounded(problems), added: rendered.added };
    let began = told.notes.then_some(FactBody::ApplyStarted { objects });
    Ok([Some(valid), began].into_iter().flatten().map(|body| about(command, command.created, body)).collect())
}

fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.truncate(limits::PROBLEMS);
    problems
}

/// How a command ended.
fn ending(outcome: &Outcome) -> Vec<FactBody> {
    let Outcome { ending, problems, objects, observed, kept, live, .. } = outcome.clone();
    let problems = bounded(problems);
    match ending {
        Ending::Applied => vec![FactBody::Applied { observed, objects, kept, warnings: problems }],
        Ending::Rejected => vec![FactBody::Rejected { problems }],
        Ending::Failed => vec![FactBody::Failed { problems, objects }],
        Ending::Reverted => {
            let reverted = live.map(|to| FactBody::Reverted { to, observed });
            [Some(FactBody::Failed { problems, objects }), reverted].into_iter().flatten().collect()
        }
        Ending::RolledBack => vec![FactBody::RolledBack { kept }],
        Ending::Superseded => vec![],
    }
}
