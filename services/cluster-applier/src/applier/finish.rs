//! How a command ends: the outcome's record first, then its fact.

use cluster::{Seen, Stop};
use domain::{ObjectRef, ObjectStatus, OnFailure, Outcome, Problem, Rendered, Revision, record::Ending};
use jiff::Timestamp;
use messaging::JobError;

use super::{Applier, Done, Next, Work};
use crate::{
    check::{Check, Stage},
    facts,
};

fn outcome(ending: Ending) -> Outcome {
    let (problems, objects, kept, live, finished_jobs) = Default::default();
    Outcome { ending, time: Timestamp::now(), problems, objects, observed: 0, kept, live, finished_jobs }
}

/// The outcome of a command that failed.
pub(super) fn failed(problems: Vec<Problem>, objects: Vec<ObjectStatus>, live: Option<Revision>) -> Outcome {
    Outcome { problems, objects, live, ..outcome(Ending::Failed) }
}

impl Applier {
    /// Writes the outcome, then publishes the facts of the one that holds: the first that was written.
    pub(super) async fn end(&self, check: &Check, outcome: Outcome, parent: Option<&str>) -> Done<Next> {
        let held = self.context.records.put_outcome(&check.key, check.revision, &outcome).await;
        let held = held.map_err(JobError::retry)?;
        for body in facts::of(&held) {
            facts::publish(&self.context, check, body, parent).await.map_err(JobError::retry)?;
        }
        let took = Timestamp::now().duration_since(check.started).as_secs_f64();
        metrics::histogram!("marea_task_step_duration_seconds", "ending" => ending(held.ending)).record(took);
        tracing::info!(task.id = %check.key.id, task.revision = check.revision, ending = ending(held.ending), "ended");
        Ok(Next::Ended)
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Applied => "applied",
        Ending::Rejected => "rejected",
        Ending::Failed => "failed",
        Ending::Reverted => "reverted",
        Ending::RolledBack => "rolled_back",
        Ending::Superseded => "superseded",
    }
}

impl Work<'_> {
    /// Prunes, then ends with DONE.
    pub(super) async fn healthy(self, rendered: &Rendered, seen: Seen, parent: Option<&str>) -> Done<Next> {
        let n = self.check.revision;
        let earlier = self.history.unpruned_below(n).await.map_err(JobError::retry)?;
        let pruned = match self.session.prune(rendered, &earlier, &self.command.options).await {
            Ok(pruned) => pruned,
            Err(Stop::Failed(problems)) => return self.failed(problems, seen.objects, parent).await,
            // The revision is healthy: prune is tried until it can be done.
            Err(_) => return Ok(Next::Check(self.check.next(Stage::Ready))),
        };
        let mut problems = self.check.warnings.clone();
        problems.extend(pruned.warnings);
        let ended = Outcome {
            problems: facts::bounded_problems(problems),
            objects: seen.objects,
            observed: seen.observed,
            kept: pruned.kept,
            live: Some(n),
            finished_jobs: seen.finished_jobs,
            ..outcome(Ending::Applied)
        };
        self.applier.end(&self.check, ended, parent).await
    }

    /// Ends with FAILED, or goes back to the live revision first.
    pub(super) async fn failed(
        self,
        problems: Vec<Problem>,
        objects: Vec<ObjectStatus>,
        parent: Option<&str>,
    ) -> Done<Next> {
        let live = self.history.live_below(self.check.revision).await.map_err(JobError::retry)?;
        let problems = facts::bounded_problems(problems);
        match live.filter(|_| self.command.options.on_failure == OnFailure::Revert) {
            // On the heap: few tasks come here.
            Some(to) => Box::pin(self.begin_revert(to, problems, parent)).await,
            None => self.applier.end(&self.check, failed(problems, objects, live), parent).await,
        }
    }

    /// Ends with FAILED, the live revision running again.
    pub(super) async fn reverted(
        self,
        to: Revision,
        problems: Vec<Problem>,
        seen: Seen,
        kept: Vec<ObjectRef>,
        parent: Option<&str>,
    ) -> Done<Next> {
        let ended = Outcome {
            problems,
            objects: seen.objects,
            observed: seen.observed,
            kept,
            live: Some(to),
            finished_jobs: seen.finished_jobs,
            ..outcome(Ending::Reverted)
        };
        self.applier.end(&self.check, ended, parent).await
    }

    /// Ends with ROLLED_BACK.
    pub(super) async fn rolled_back(self, kept: Vec<ObjectRef>, parent: Option<&str>) -> Done<Next> {
        let ended = Outcome { kept, ..outcome(Ending::RolledBack) };
        self.applier.end(&self.check, ended, parent).await
    }

    /// A roll back or an accepted revision came: this command is not run any further.
    pub(super) async fn superseded(self, parent: Option<&str>) -> Done<Next> {
        let live = self.history.live_below(self.check.revision).await.map_err(JobError::retry)?;
        let ended = Outcome { live, ..outcome(Ending::Superseded) };
        self.applier.end(&self.check, ended, parent).await
    }

    /// The command ended before: its fact may not have been published.
    pub(super) async fn again(self, ended: Outcome, parent: Option<&str>) -> Done<Next> {
        self.applier.end(&self.check, ended, parent).await
    }

    /// The revision's objects that are in the cluster, as far as that can be told.
    pub(super) async fn there(&self, rendered: &Rendered) -> Vec<ObjectStatus> {
        let seen = self.session.check(rendered).await;
        seen.map_or_else(|_| vec![], |seen| seen.objects.into_iter().filter(|o| o.reason != "Missing").collect())
    }
}
