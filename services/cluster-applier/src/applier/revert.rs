//! Going back to the live revision after a failure.

use cluster::{Seen, Verdict};
use domain::{Options, Problem, Rendered, Revision};
use jiff::Timestamp;
use messaging::JobError;

use super::{Done, Next, Work};
use crate::{check::Stage, facts};

impl Work<'_> {
    /// Goes back from now on.
    pub(super) async fn begin_revert(
        mut self,
        to: Revision,
        problems: Vec<Problem>,
        parent: Option<&str>,
    ) -> Done<Next> {
        let since = Timestamp::now();
        self.check.stage = Stage::Revert { to, since, problems: problems.clone() };
        self.check.overdue_since = Some(since);
        self.applier.note_revert(&self.check).await?;
        self.revert(to, problems, parent).await
    }

    /// Applies the live revision until it is healthy, then takes away what came after it.
    pub(super) async fn revert(mut self, to: Revision, problems: Vec<Problem>, parent: Option<&str>) -> Done<Next> {
        let Some(rendered) = self.history.rendered(to).await.map_err(JobError::retry)? else {
            return Err(JobError::fail(format!(
                "revision {to} of the task {} is live and not rendered",
                self.check.key
            )));
        };
        let refused = self.no_longer_allowed(&rendered).await?;
        if !refused.is_empty() {
            return self.not_reverted(to, problems, refused, None, parent).await;
        }
        let seen = match self.session.apply(&rendered).await {
            Ok(applied) => applied.seen,
            Err(stop) => match self.later(&stop) {
                Ok(next) => return Ok(next),
                Err(more) => return self.not_reverted(to, problems, more, None, parent).await,
            },
        };
        match &seen.verdict {
            Verdict::Healthy => {}
            Verdict::Pending(overdue) if !self.is_late(overdue) => {
                self.tell(seen.observed, seen.health(), &seen.objects, parent).await?;
                return Ok(Next::Check(self.check.next(self.check.stage.clone())));
            }
            Verdict::Pending(more) | Verdict::Failed(more) => {
                let more = more.clone();
                return self.not_reverted(to, problems, more, Some(seen), parent).await;
            }
        }
        // Everything that only the failed revision had may go, however much it is; so may what those before it left, which
        // failed or were overtaken.
        let options = Options { confirm_prune: true, ..Options::default() };
        let mut later = self.history.unpruned_below(self.check.revision).await.map_err(JobError::retry)?;
        later.extend(self.rendered.clone());
        match self.session.prune(&rendered, &later, &options).await {
            Ok(pruned) => self.reverted(to, problems, seen, pruned.kept, parent).await,
            Err(stop) => match self.later(&stop) {
                Ok(next) => Ok(next),
                Err(more) => self.not_reverted(to, problems, more, Some(seen), parent).await,
            },
        }
    }

    /// What the tenant may no longer do of what would be brought back. It would be written as whoever wrote the
    /// failed revision.
    async fn no_longer_allowed(&self, rendered: &Rendered) -> Done<Vec<Problem>> {
        let tenant = self.applier.context.access.tenant(&self.check.key.tenant).await.map_err(JobError::retry)?;
        let Some(tenant) = tenant else {
            return Ok(vec![Problem::error("tenant_gone", "the tenant was deleted; ask an administrator")]);
        };
        let run_as = self.rendered.as_ref().and_then(|failed| failed.run_as.clone());
        Ok(manifests::check_rendered(&Rendered { run_as, ..rendered.clone() }, &tenant))
    }

    async fn not_reverted(
        self,
        to: Revision,
        mut problems: Vec<Problem>,
        more: Vec<Problem>,
        seen: Option<Seen>,
        parent: Option<&str>,
    ) -> Done<Next> {
        problems.push(Problem::error("revert_failed", format!("revision {to} could not be brought back")));
        problems.extend(more);
        let objects = match (seen, &self.rendered) {
            (Some(seen), _) => seen.objects,
            (None, Some(failed)) => self.there(failed).await,
            (None, None) => vec![],
        };
        let ended = super::finish::failed(facts::bounded_problems(problems), objects, Some(to));
        self.applier.end(&self.check, ended, parent).await
    }
}
