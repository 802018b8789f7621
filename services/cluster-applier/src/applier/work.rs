//! One step under way: which way it goes, what it tells, and what it leaves for later.

use cluster::{Engine, SendUntil, Session, Stop, Task};
use domain::{Action, Command, Health, ObjectStatus, Problem, Rendered};
use jiff::Timestamp;
use messaging::JobError;

use super::{Applier, PATIENCE};
use crate::{
    check::{Check, Reported, Stage, digest},
    facts,
    history::History,
};

/// One step under way.
pub(crate) struct Work<'a> {
    pub applier: &'a Applier,
    pub check: Check,
    pub command: Command,
    /// What the revision rendered to; none of a roll back.
    pub rendered: Option<Rendered>,
    pub history: History<'a>,
    pub session: Session,
}

/// What a step came to.
#[expect(clippy::large_enum_variant, reason = "there is one a step, and most are the large one")]
pub(crate) enum Next {
    /// The command has ended.
    Ended,
    /// This step is next.
    Check(Check),
    /// None follows, and the command has not ended: it is asked for again, or another row of checks goes on.
    Dropped,
}

pub(crate) type Done<T = ()> = Result<T, JobError>;

/// A session of the engine for one step.
pub(crate) fn session(engine: &Engine, task: Task, run_as: Option<&str>, until: SendUntil) -> Session {
    engine.session(task, run_as, until, PATIENCE)
}

impl Work<'_> {
    /// Takes the step, unless another command holds by now, or this one has ended.
    pub(super) async fn run(self, traceparent: Option<&str>) -> Done<Next> {
        if let Some(outcome) = self.history.outcome(self.check.revision).await.map_err(JobError::retry)? {
            return self.again(outcome, traceparent).await;
        }
        let holds = self.history.in_force_above(self.check.revision).await.map_err(JobError::retry)?;
        if holds.is_some() {
            return self.superseded(traceparent).await;
        }
        if self.command.action == Action::RollBack {
            return self.remove(traceparent).await;
        }
        match self.check.stage.clone() {
            Stage::Revert { to, problems, .. } => self.revert(to, problems, traceparent).await,
            Stage::Ready => self.ready(traceparent).await,
            Stage::Apply | Stage::RollBack { .. } | Stage::Settle => self.apply(traceparent).await,
        }
    }

    /// Tells progress, if it is news and not too soon.
    pub(super) async fn tell(
        &mut self,
        observed: u64,
        health: Health,
        objects: &[ObjectStatus],
        parent: Option<&str>,
    ) -> Done {
        let digest = digest(health, objects);
        if self.check.reported.as_ref().is_some_and(|told| told.digest == digest || told.is_fresh()) {
            return Ok(());
        }
        let now = Timestamp::now();
        let body = facts::progress(observed, health, objects);
        facts::publish(&self.applier.context, &self.check, body, parent).await.map_err(JobError::retry)?;
        self.check.reported = Some(Reported { at: now, digest });
        Ok(())
    }

    /// Whether what keeps running has been unhealthy for too long. Once all of it was healthy its time begins anew: a Job
    /// may run for hours beside a Deployment that is scaled.
    pub(super) fn is_late(&mut self, overdue: &[Problem]) -> bool {
        let now = Timestamp::now();
        self.check.overdue_since = match overdue {
            [] => None,
            _ => Some(self.check.overdue_since.unwrap_or(now)),
        };
        self.check.overdue_since.is_some_and(|since| now >= self.deadline(since))
    }

    /// When what keeps running has to be healthy.
    fn deadline(&self, since: Timestamp) -> Timestamp {
        since.checked_add(self.command.options.ready_deadline()).unwrap_or(Timestamp::MAX)
    }

    /// What to do where the engine stopped: the same stage later, or the end, where what keeps running has not been seen
    /// healthy for too long. While it was, an outage has that time from its first step on.
    pub(super) fn later(&mut self, stop: &Stop) -> Result<Next, Vec<Problem>> {
        let since = *self.check.overdue_since.get_or_insert_with(Timestamp::now);
        self.later_until(stop, self.deadline(since))
    }

    /// The same with a deadline.
    pub(super) fn later_until(&self, stop: &Stop, deadline: Timestamp) -> Result<Next, Vec<Problem>> {
        let again = Next::Check(self.check.next(self.check.stage.clone()));
        match stop {
            Stop::LeaseEnds => Ok(again),
            Stop::Later(problems) if Timestamp::now() >= deadline => Err(problems.clone()),
            Stop::Later(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                tracing::info!(task.id = %self.check.key.id, reason = first, "the cluster does not take it yet; tried again");
                Ok(again)
            }
            Stop::Failed(problems) => Err(problems.clone()),
        }
    }
}
