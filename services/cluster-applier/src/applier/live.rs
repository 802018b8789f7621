//! What is live after its command ended: its health, and what a writer that nobody waits for any more does to it.

use cluster::{Seen, SendUntil, Task};
use domain::{Action, Command, Health, ObjectStatus, Options, Outcome, Rendered, Revision, TaskKey, record::Ending};
use jiff::{SignedDuration, Timestamp};
use messaging::{JobError, Route, topology::CLUSTER_APPLIER};

use super::{Applier, Done, session};
use crate::{
    check::{Check, Stage, digest},
    facts,
    history::History,
};

/// The last look comes so long after the end: longer than what is left of a lease in which nothing is sent any more,
/// and a request's time-out. The delay of one step, less what clocks differ by.
const SETTLED: SignedDuration = SignedDuration::from_secs(14);

/// A live revision, and the command that it lives by.
struct Live {
    command: Command,
    rendered: Rendered,
    ended: Timestamp,
}

/// Whether something is live.
enum Found {
    Nothing,
    /// A command is under way: it looks by itself until it ends.
    UnderWay,
    Live(Box<Live>),
}

impl Applier {
    /// Tells the health of a task that is done, if it changed. `false`: that could not be told yet, because a step is
    /// under way, which may have looked before the change.
    pub(crate) async fn watch_over(&self, key: &TaskKey) -> Done<bool> {
        let history = History::read(&self.context.records, key).await.map_err(JobError::retry)?;
        let live = match find(&history).await? {
            Found::Nothing => return Ok(true),
            Found::UnderWay => return Ok(false),
            Found::Live(live) => live,
        };
        let Some(seen) = self.observe(key, &live, false).await? else { return Ok(false) };
        self.tell_health(key, live.command, &seen).await?;
        Ok(true)
    }

    /// Asks for a last look after the end: somebody else may be at the same work, or was paused over its lease's
    /// end, so that one more write may come from there. Objects that nobody watches would keep it.
    pub(super) async fn doubt(&self, check: &Check, traceparent: Option<&str>) -> Done {
        // What is written after a roll back goes with its parent.
        if matches!(check.stage, Stage::RollBack { .. }) {
            return Ok(());
        }
        self.ask_to_settle(Check::settle(check), traceparent).await
    }

    /// Not noted as waiting: a watch would take it too soon.
    async fn ask_to_settle(&self, check: Check, traceparent: Option<&str>) -> Done {
        let (route, message) = (Route::Delayed(check.delay(), &CLUSTER_APPLIER), check.message().traced(traceparent));
        self.context.bus.publish(&route, message).await.map_err(JobError::retry)
    }

    /// The last look: what a stale writer wrote is applied again, what it made anew is removed.
    pub(super) async fn settle(&self, check: Check, traceparent: Option<&str>) -> Done {
        let history = History::read(&self.context.records, &check.key).await.map_err(JobError::retry)?;
        let seen = match find(&history).await? {
            Found::Nothing => return Ok(()),
            Found::Live(live) if Timestamp::now().duration_since(live.ended) >= SETTLED => {
                self.observe(&check.key, &live, true).await?.map(|seen| (live.command, seen))
            }
            Found::UnderWay | Found::Live(_) => None,
        };
        match seen {
            Some((command, seen)) => self.tell_health(&check.key, command, &seen).await,
            None if Timestamp::now().duration_since(check.started) >= self.times.give_up => Ok(()),
            None => self.ask_to_settle(check.next(Stage::Settle), traceparent).await,
        }
    }

    async fn tell_health(&self, key: &TaskKey, command: Command, seen: &Seen) -> Done {
        // As they are told and shown.
        let objects = facts::bounded(seen.objects.iter().map(after_done).collect());
        let health = objects.iter().map(|o| o.health).max().unwrap_or(Health::Healthy);
        let shown = self.context.states.get(key).await.map_err(JobError::retry)?;
        let (shown, digest) = (shown.map(|s| digest(s.health, &s.objects)), digest(health, &objects));
        if shown == Some(digest) && self.shows_what_was_told(key, digest) {
            return Ok(());
        }
        let check = Check::watching(key.clone(), command.name, command.revision);
        let body = facts::progress(seen.observed, health, &objects);
        // Before it is published: it may be, and nobody hear of the confirm.
        self.note_told(key, digest);
        facts::publish(&self.context, &check, body, None).await.map_err(JobError::retry)
    }

    /// Looks at the live revision; what a stale writer left is applied again. `None`: somebody else is at it, another
    /// command came, or its cluster is not known.
    async fn observe(&self, key: &TaskKey, live: &Live, tidy: bool) -> Done<Option<Seen>> {
        let Some(held) = self.hold(key).await? else { return Ok(None) };
        let until = held.send_until.clone();
        let (seen, _) = held.during(Box::pin(self.look(key, live, tidy, until))).await;
        seen
    }

    /// The same under the lease.
    async fn look(&self, key: &TaskKey, live: &Live, tidy: bool, until: SendUntil) -> Done<Option<Seen>> {
        let Live { command, rendered, .. } = live;
        // What was read before the lease was taken may be over.
        let history = History::read(&self.context.records, key).await.map_err(JobError::retry)?;
        let now = history.in_force_above(0).await.map_err(JobError::retry)?;
        if now.is_none_or(|now| now.revision != command.revision) {
            return Ok(None);
        }
        let Some(engine) = self.clusters.of(command, &history).await.map_err(JobError::retry)? else { return Ok(None) };
        let task = Task { key: key.clone(), name: command.name.clone() };
        let session = session(engine, task, rendered.run_as.as_deref(), until);
        let mut seen = session.check(rendered).await.map_err(JobError::retry)?;
        if is_stale(&seen) {
            seen = session.apply(rendered).await.map_err(JobError::retry)?.seen;
        }
        if tidy {
            let earlier = history.rendered_below(command.revision + 1).await.map_err(JobError::retry)?;
            // Volumes of any revision may have been left on purpose.
            session.prune(rendered, &earlier, &Options::default()).await.map_err(JobError::retry)?;
        }
        Ok(Some(seen))
    }
}

/// Whether something that is there was written by a stale writer. What is gone was deleted by somebody.
fn is_stale(seen: &Seen) -> bool {
    seen.overwritten.iter().any(|o| seen.objects.iter().any(|s| s.object == *o && s.reason != "Missing"))
}

/// The live revision of the command that holds.
async fn find(history: &History<'_>) -> Done<Found> {
    let command = history.in_force_above(0).await.map_err(JobError::retry)?;
    let Some(command) = command.filter(|c| c.action != Action::RollBack) else { return Ok(Found::Nothing) };
    let Some(outcome) = history.outcome(command.revision).await.map_err(JobError::retry)? else {
        return Ok(Found::UnderWay);
    };
    let Some(live) = live(&outcome) else { return Ok(Found::Nothing) };
    let rendered = history.rendered(live).await.map_err(JobError::retry)?;
    Ok(rendered
        .map_or(Found::Nothing, |rendered| Found::Live(Box::new(Live { command, rendered, ended: outcome.time }))))
}

/// The revision that an ending left running, and nothing else beside it.
fn live(outcome: &Outcome) -> Option<Revision> {
    outcome.live.filter(|_| matches!(outcome.ending, Ending::Applied | Ending::Reverted))
}

/// After DONE an object with trouble is degraded: it was healthy.
fn after_done(status: &ObjectStatus) -> ObjectStatus {
    let trouble =
        status.health == Health::Progressing && !matches!(status.reason.as_str(), "" | "Running" | "Terminating");
    let health = if trouble { Health::Degraded } else { status.health };
    ObjectStatus { health, ..status.clone() }
}
