//! Rolling back.

use cluster::RollBack;
use domain::{FactBody, Health, ObjectStatus, Problem};
use jiff::{SignedDuration, Timestamp};
use messaging::JobError;

use super::{Done, Next, Work};
use crate::{
    check::{Reported, Stage, digest_blocked},
    facts,
};

impl Work<'_> {
    /// One round of a roll back: ended, blocked, or looked at again.
    pub(super) async fn remove(mut self, parent: Option<&str>) -> Done<Next> {
        let inventory = self.history.rendered_below(self.check.revision).await.map_err(JobError::retry)?;
        let round = if inventory.is_empty() {
            // Nothing was ever applied.
            Ok(RollBack::Done { kept: vec![] })
        } else {
            self.session.roll_back(&inventory).await
        };
        let (problems, objects) = match round {
            Ok(RollBack::Done { kept }) => return self.rolled_back(kept, parent).await,
            Ok(RollBack::Pending { problems, objects }) => (problems, objects),
            Err(stop) => match self.later_until(&stop, Timestamp::MAX) {
                Ok(next) if !self.is_over(self.applier.times.roll_back) => return Ok(next),
                Ok(_) => (vec![Problem::error("rollback_blocked", "the cluster does not answer")], vec![]),
                Err(problems) => (problems, vec![]),
            },
        };
        if !self.is_over(self.applier.times.roll_back) {
            // What is left has older versions than what went, so that only time tells which look was later.
            let seen_at = self.after_told().as_millisecond().max(0).cast_unsigned();
            self.tell(seen_at, Health::Progressing, &objects, parent).await?;
            return Ok(Next::Check(self.check.next(Stage::RollBack { blocked: false })));
        }
        if self.is_over(self.applier.times.give_up) {
            tracing::warn!(task.id = %self.check.key.id, "the roll back is given up until it is asked for again");
            return Ok(Next::Dropped);
        }
        self.blocked(problems, objects, parent).await
    }

    /// Tells what stands in the way, when that changes and not too often, and waits on.
    async fn blocked(mut self, problems: Vec<Problem>, objects: Vec<ObjectStatus>, parent: Option<&str>) -> Done<Next> {
        let (problems, objects) = (facts::bounded_problems(problems), facts::bounded(objects));
        let told = Reported { at: self.after_told(), digest: digest_blocked(&problems, &objects) };
        let before = self.check.reported.as_ref().filter(|_| self.is_blocked());
        if before.is_none_or(|before| before.digest != told.digest && !before.is_fresh()) {
            let body = FactBody::RollbackBlocked { problems, objects };
            let context = &self.applier.context;
            facts::publish_at(context, &self.check, body, told.at, parent).await.map_err(JobError::retry)?;
            self.check.reported = Some(told);
        }
        Ok(Next::Check(self.check.next(Stage::RollBack { blocked: true })))
    }

    /// Now, or just after what was told last: it may have been told by another replica, whose clock is ahead, and of two
    /// looks only their times say which was later.
    fn after_told(&self) -> Timestamp {
        let told =
            self.check.reported.as_ref().and_then(|told| told.at.checked_add(SignedDuration::from_millis(1)).ok());
        told.map_or_else(Timestamp::now, |after| after.max(Timestamp::now()))
    }

    fn is_blocked(&self) -> bool {
        matches!(self.check.stage, Stage::RollBack { blocked: true })
    }

    fn is_over(&self, time: SignedDuration) -> bool {
        Timestamp::now().duration_since(self.check.started) >= time
    }
}
