//! Applying a revision, and waiting until it is healthy.

use cluster::{Seen, Verdict};
use domain::{FactBody, Rendered};
use messaging::JobError;

use super::{Done, Next, Work, finish};
use crate::{check::Stage, facts};

impl Work<'_> {
    /// Applies the revision; what is passive is healthy with the answers, and done at once.
    pub(super) async fn apply(mut self, parent: Option<&str>) -> Done<Next> {
        let n = self.check.revision;
        let rendered = self.own()?;
        let earlier = self.history.unpruned_below(n).await.map_err(JobError::retry)?;
        let asked = match self.session.needs_confirmation(&rendered, &earlier, &self.command.options).await {
            Ok(asked) => asked,
            Err(stop) => match self.later(&stop) {
                Ok(next) => return Ok(next),
                Err(problems) => return self.failed(problems, vec![], parent).await,
            },
        };
        if let Some(problem) = asked {
            // Nothing was written: there is nothing to go back from, and what the guard kept is not to go by a revert.
            let live = self.history.live_below(n).await.map_err(JobError::retry)?;
            return self.applier.end(&self.check, finish::failed(vec![problem], vec![], live), parent).await;
        }
        let objects = u32::try_from(rendered.objects.len()).unwrap_or(u32::MAX);
        let started = facts::publish(&self.applier.context, &self.check, FactBody::ApplyStarted { objects }, parent);
        let (started, applied) = tokio::join!(started, self.session.apply(&rendered));
        started.map_err(JobError::retry)?;
        match applied {
            Ok(applied) => {
                self.check.warnings = facts::bounded_problems(applied.warnings);
                self.judge(&rendered, applied.seen, parent).await
            }
            Err(stop) => match self.later(&stop) {
                Ok(next) => Ok(next),
                Err(problems) => {
                    let objects = self.there(&rendered).await;
                    self.failed(problems, objects, parent).await
                }
            },
        }
    }

    /// Looks whether the revision is healthy; what somebody overwrote under our manager is applied again.
    pub(super) async fn ready(mut self, parent: Option<&str>) -> Done<Next> {
        let rendered = self.own()?;
        match self.look(&rendered).await {
            Ok(seen) => self.judge(&rendered, seen, parent).await,
            Err(stop) => match self.later(&stop) {
                Ok(next) => Ok(next),
                Err(problems) => self.failed(problems, vec![], parent).await,
            },
        }
    }

    /// What the revision rendered to.
    fn own(&self) -> Done<Rendered> {
        let missing = || {
            JobError::fail(format!("revision {} of the task {} was not rendered", self.check.revision, self.check.key))
        };
        self.rendered.clone().ok_or_else(missing)
    }

    /// A check, with a repair where one is needed.
    pub(super) async fn look(&self, rendered: &Rendered) -> Result<Seen, cluster::Stop> {
        let seen = self.session.check(rendered).await?;
        if seen.overwritten.is_empty() {
            return Ok(seen);
        }
        let objects = seen.overwritten.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::warn!(task.id = %self.check.key.id, objects, "somebody else wrote or deleted what was applied; applying again");
        Ok(self.session.apply(rendered).await?.seen)
    }

    /// What was seen decides: done, failed, or the next check.
    async fn judge(mut self, rendered: &Rendered, seen: Seen, parent: Option<&str>) -> Done<Next> {
        match &seen.verdict {
            Verdict::Healthy => self.healthy(rendered, seen, parent).await,
            Verdict::Failed(problems) => {
                let problems = problems.clone();
                self.failed(problems, seen.objects, parent).await
            }
            Verdict::Pending(overdue) if self.is_late(overdue) => {
                let problems = overdue.clone();
                self.failed(problems, seen.objects, parent).await
            }
            Verdict::Pending(_) => {
                self.tell(seen.observed, seen.health(), &seen.objects, parent).await?;
                Ok(Next::Check(self.check.next(Stage::Ready)))
            }
        }
    }
}
