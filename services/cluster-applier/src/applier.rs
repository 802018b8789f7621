//! The consumer: takes one step of one task.

mod apply;
mod delivered;
mod finish;
mod known;
mod live;
mod remove;
mod revert;
mod work;

use std::time::Duration;

use bootstrap::Context;
use cluster::{SendUntil, Task};
use domain::{Command, Problem, TaskKey};
use jiff::SignedDuration;
use messaging::{JobError, Route, topology::CLUSTER_APPLIER};
use serde::de::DeserializeOwned;
use uuid::Uuid;
pub(crate) use work::{Done, Next, Work, session};

use self::known::Known;
use crate::{
    Clusters, Config,
    check::{Check, Stage},
    history::History,
    lease::{Held, Kept},
};

/// How long one step goes on trying what passes. No delivery stays unacknowledged over 60 s.
const PATIENCE: Duration = Duration::from_secs(12);

/// Deadlines.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// After this a roll back is reported as blocked.
    pub roll_back: SignedDuration,
    /// After this a blocked roll back is no longer looked at; another DELETE resumes it.
    pub give_up: SignedDuration,
}

impl Times {
    pub(crate) fn of(config: &Config) -> Self {
        let roll_back = SignedDuration::from_secs(config.rollback_seconds.into());
        Self { roll_back, give_up: SignedDuration::from_hours(24) }
    }
}

/// The note of a command: the row of steps that goes on. A message that comes twice begins another one.
const ROW: &str = "row";
/// The note of a command: what it goes back to and why, from when it does. A step that a watch took early may have begun
/// that; the message under way knows nothing of it.
const REVERT: &str = "revert";

/// Takes steps.
pub(crate) struct Applier {
    pub context: Context,
    pub clusters: Clusters,
    times: Times,
    /// Tells this process from others in leases.
    holder: String,
    known: Known,
}

/// How a step came to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// By its message.
    Asked,
    /// By its message, which may have been handled before: what it asked for may be under way.
    Again,
    /// By a watch, before its message.
    Early,
}

impl Applier {
    pub(crate) fn new(context: Context, clusters: Clusters, times: Times) -> Self {
        let holder = Uuid::now_v7().to_string();
        Self { context, clusters, times, holder, known: Known::default() }
    }

    /// Takes a step, and asks for the next one; early: that one is under way already.
    pub(crate) async fn step(&self, mut check: Check, traceparent: Option<&str>, how: How) -> Done {
        if check.stage == Stage::Settle {
            return self.settle(check, traceparent).await;
        }
        if self.is_finished(&check) {
            return Ok(());
        }
        self.take_early(&mut check);
        let next = match self.hold(&check.key).await? {
            Some(held) => {
                let until = held.send_until.clone();
                // On the heap: a step's futures are large, and many are in flight.
                let (next, kept) = held.during(Box::pin(self.locked(check.clone(), until, traceparent, how))).await;
                if how == How::Again || kept == Kept::InDoubt {
                    self.doubt(&check, traceparent).await?;
                }
                next?
            }
            // Another holds it: looked at again after a while.
            None => {
                let row = check.row.filter(|_| how != How::Again);
                Next::Check(Check { row, ..check.next(check.stage.clone()) })
            }
        };
        match next {
            Next::Ended => self.note_finished(&check),
            Next::Dropped => {}
            Next::Check(next) if how == How::Early => self.note_waiting(next),
            Next::Check(next) => self.ask(next, traceparent).await?,
        }
        Ok(())
    }

    /// The lease of a task, if it is free.
    async fn hold(&self, key: &TaskKey) -> Done<Option<Held>> {
        Held::acquire(&self.context.states, key, &self.holder).await.map_err(JobError::retry)
    }

    /// A step under the lease.
    async fn locked(&self, mut check: Check, until: SendUntil, traceparent: Option<&str>, how: How) -> Done<Next> {
        let (key, revision, row) = (check.key.clone(), check.revision, check.row);
        let records = &self.context.records;
        let reads = tokio::try_join!(
            History::read(records, &key),
            records.command(&key, revision),
            records.rendered(&key, revision),
            self.note(&check, ROW, check.row.is_some()),
            // A message that comes again may have begun to go back, too.
            self.note(&check, REVERT, check.row.is_some() || how == How::Again),
        );
        let (history, command, rendered, goes_on, reverts) = reads.map_err(JobError::retry)?;
        // One that comes again may itself have begun the row that is noted, and died before its first check was asked for.
        // It goes on, in a row that begins now: if the other is under way all the same, it ends by that.
        if how != How::Again && goes_on.is_some_and(|other: Uuid| Some(other) != row) {
            return Ok(Next::Dropped);
        }
        if let Some(stage) = reverts {
            check.go_back(stage);
        }
        let Some(command) = command else {
            return Err(JobError::fail(format!("there is no command {revision} of the task {key}")));
        };
        let engine = self.clusters.of(&command, &history).await.map_err(JobError::retry)?;
        let Some(engine) = engine else {
            return self.no_target(&check, &command).await;
        };
        let run_as = match &rendered {
            Some(rendered) => rendered.run_as.clone(),
            None => history.newest_rendered(revision).await.map_err(JobError::retry)?.and_then(|r| r.run_as),
        };
        let task = Task { key: key.clone(), name: command.name.clone() };
        let session = session(engine, task, run_as.as_deref(), until);
        let parent = command.traceparent.clone().or_else(|| traceparent.map(str::to_owned));
        let unheard = history.unheard_above(revision);
        let work = Work { applier: self, check, command, rendered, history, session };
        let next = work.run(parent.as_deref()).await?;
        if matches!(next, Next::Ended) {
            // It may have yielded to them, and the task would stand still if nobody had heard of them.
            self.context.publish_unheard(&key, &unheard).await.map_err(JobError::retry)?;
        }
        match next {
            Next::Check(next) if row.is_none() || how == How::Again => self.begin_row(next).await.map(Next::Check),
            next => Ok(next),
        }
    }

    /// A note of the command, asked for where there may be one: most first steps need not.
    async fn note<T: DeserializeOwned>(
        &self,
        check: &Check,
        name: &str,
        may_be: bool,
    ) -> Result<Option<T>, blobs::Error> {
        match may_be {
            true => self.context.records.note(&check.key, check.revision, name).await,
            false => Ok(None),
        }
    }

    /// Whoever takes a step of this command from now on goes back, too.
    async fn note_revert(&self, check: &Check) -> Done {
        let noted = self.context.records.put_note(&check.key, check.revision, REVERT, &check.stage).await;
        noted.map_err(JobError::retry)
    }

    /// The step as the first of a new row: whatever else is under way for this command ends by itself.
    async fn begin_row(&self, mut next: Check) -> Done<Check> {
        let row = Uuid::now_v7();
        let noted = self.context.records.put_note(&next.key, next.revision, ROW, &row).await;
        noted.map_err(JobError::retry)?;
        next.row = Some(row);
        Ok(next)
    }

    async fn no_target(&self, check: &Check, command: &Command) -> Done<Next> {
        let target = &command.options.target;
        let text = format!("there is no cluster `{target}`: ask the administrator which targets there are");
        let problems = vec![Problem::error("unknown_target", text).at("target")];
        self.end(check, finish::failed(problems, vec![], None), command.traceparent.as_deref()).await
    }

    /// Publishes the next step.
    async fn ask(&self, next: Check, traceparent: Option<&str>) -> Done {
        let route = Route::Delayed(next.delay(), &CLUSTER_APPLIER);
        let message = next.message().traced(traceparent);
        self.note_waiting(next);
        self.context.bus.publish(&route, message).await.map_err(JobError::retry)
    }
}
