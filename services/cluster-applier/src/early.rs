//! Watches run checks early, and go on telling the health of tasks that are done.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cluster::{Seen, SendUntil, Task};
use domain::{Action, Health, ObjectStatus, Revision, TaskKey, record::Ending};
use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use messaging::JobError;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Clusters,
    applier::{Applier, How, session},
    check::{Check, Stage},
    facts,
    history::History,
    lease::Held,
};

/// Several objects of a task change together: they are looked at once.
const GATHER: Duration = Duration::from_millis(40);
/// Between two looks at one task that is done.
const PAUSE: Duration = Duration::from_secs(1);
/// The same while a command is under way, for somebody waits for its end: this, or longer where a look takes long.
const PAUSE_UNDER_WAY: Duration = Duration::from_millis(50);
/// A task that is under way is looked at for at most one part in so many of the time.
const SHARE: u32 = 5;
/// Tasks looked at side by side.
const AT_ONCE: usize = 16;
/// Changed tasks that wait to be taken; more are dropped, for checks come by themselves.
const CHANNEL: usize = 4_096;

/// Runs checks early.
pub(crate) struct Early {
    applier: Arc<Applier>,
    clusters: Clusters,
    namespaces: Vec<String>,
}

/// When to look at which task. One that is being looked at is not due before that look has ended.
#[derive(Default)]
struct Schedule {
    due: BTreeMap<TaskKey, Instant>,
    /// Until when a task rests; none: it is being looked at.
    rests: BTreeMap<TaskKey, Option<Instant>>,
}

impl Schedule {
    fn add(&mut self, key: TaskKey, now: Instant) {
        let free = self.rests.get(&key).copied().flatten().unwrap_or(now);
        self.due.entry(key).or_insert(free.max(now + GATHER));
    }

    fn may(&self, key: &TaskKey) -> bool {
        self.rests.get(key) != Some(&None)
    }

    fn next(&self) -> Option<Instant> {
        self.due.iter().filter(|(key, _)| self.may(key)).map(|(_, at)| *at).min()
    }

    fn take(&mut self, now: Instant) -> Option<TaskKey> {
        let key = self.due.iter().find(|(key, at)| **at <= now && self.may(key)).map(|(key, _)| key.clone())?;
        self.due.remove(&key);
        self.rests.retain(|_, until| until.is_none_or(|until| now < until));
        self.rests.insert(key.clone(), None);
        Some(key)
    }

    /// A look has ended: the task rests.
    fn ended(&mut self, key: TaskKey, until: Instant) {
        if let Some(due) = self.due.get_mut(&key) {
            *due = until.max(*due);
        }
        self.rests.insert(key, Some(until));
    }
}

impl Early {
    pub(crate) fn new(applier: Arc<Applier>, clusters: &Clusters, namespaces: Vec<String>) -> Self {
        Self { applier, clusters: clusters.clone(), namespaces }
    }

    /// Watches until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let watches =
            self.clusters.all().map(|engine| engine.watch(&self.namespaces, sender.clone(), shutdown.clone()));
        tokio::join!(join_all(watches), shutdown.run_until_cancelled(self.look(receiver)));
    }

    async fn look(&self, mut changed: mpsc::Receiver<TaskKey>) {
        let mut schedule = Schedule::default();
        let mut running = FuturesUnordered::new();
        loop {
            let due = schedule.next().filter(|_| running.len() < AT_ONCE);
            let timer = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(key) = changed.recv() => schedule.add(key, Instant::now()),
                () = timer => running.extend(schedule.take(Instant::now()).map(|key| self.one(key))),
                Some((key, pause)) = running.next(), if !running.is_empty() => schedule.ended(key, Instant::now() + pause),
            }
        }
    }

    /// Looks at one task, and tells how long it rests then.
    async fn one(&self, key: TaskKey) -> (TaskKey, Duration) {
        let began = Instant::now();
        let done = match self.applier.waiting(&key) {
            Some(check) if !matches!(check.stage, Stage::Apply) => {
                self.applier.step(check, None, How::Early).await.map(|()| true)
            }
            _ => self.watch_over(&key).await.map(|done| !done),
        };
        if let Err(JobError::Retry(error) | JobError::Fail(error)) = &done {
            tracing::debug!(task.id = %key.id, error = %error, "an early check failed; the next one comes by itself");
        }
        let pause = match done {
            Ok(true) => (began.elapsed() * SHARE).clamp(PAUSE_UNDER_WAY, PAUSE),
            Ok(false) | Err(_) => PAUSE,
        };
        (key, pause)
    }

    /// Tells the health of a task that is done, if it changed. `false`: the task is not done.
    async fn watch_over(&self, key: &TaskKey) -> Result<bool, JobError> {
        let context = &self.applier.context;
        let Some((check, seen)) = self.observe(key).await? else { return Ok(false) };
        let objects: Vec<_> = seen.objects.iter().map(after_done).collect();
        let health = objects.iter().map(|o| o.health).max().unwrap_or(Health::Healthy);
        let told = context.states.get(key).await.map_err(JobError::retry)?;
        if told.is_some_and(|t| t.health == health && same(&t.objects, &objects)) {
            return Ok(true);
        }
        let body = facts::progress(seen.observed, health, &objects);
        facts::publish(context, &check, body, None).await.map(|()| true).map_err(JobError::retry)
    }

    /// Looks at the live revision; what a stale writer left is applied again.
    async fn observe(&self, key: &TaskKey) -> Result<Option<(Check, Seen)>, JobError> {
        let records = &self.applier.context.records;
        let history = History::read(records, key).await.map_err(JobError::retry)?;
        let Some(command) = history.in_force_above(0).await.map_err(JobError::retry)? else { return Ok(None) };
        let Some(live) = live(&history, command.revision, &command.action).await? else { return Ok(None) };
        let found = tokio::try_join!(history.rendered(live), self.clusters.of(&command, &history));
        let (Some(rendered), Some(engine)) = found.map_err(JobError::retry)? else { return Ok(None) };
        let Some(held) = self.applier.hold(key).await? else { return Ok(None) };
        let task = Task { key: key.clone(), name: command.name.clone() };
        let session = session(engine, task, rendered.run_as.as_deref(), held.send_until.clone());
        let looked = held.during(async {
            let seen = session.check(&rendered).await?;
            let stale =
                seen.overwritten.iter().any(|o| seen.objects.iter().any(|s| s.object == *o && s.reason != "Missing"));
            if stale { session.apply(&rendered).await.map(|applied| applied.seen) } else { Ok(seen) }
        });
        let seen = looked.await.map_err(JobError::retry)?;
        let check = Check::watching(key.clone(), command.name, command.revision);
        Ok(Some((check, seen)))
    }
}

/// The revision whose health is told: none while a command is under way or everything is removed.
async fn live(history: &History<'_>, n: Revision, action: &Action) -> Result<Option<Revision>, JobError> {
    if *action == Action::RollBack {
        return Ok(None);
    }
    let outcome = history.outcome(n).await.map_err(JobError::retry)?;
    Ok(outcome.filter(|o| matches!(o.ending, Ending::Applied)).and_then(|o| o.live))
}

/// After DONE an object with trouble is degraded: it was healthy.
fn after_done(status: &ObjectStatus) -> ObjectStatus {
    let trouble =
        status.health == Health::Progressing && !matches!(status.reason.as_str(), "" | "Running" | "Terminating");
    let health = if trouble { Health::Degraded } else { status.health };
    ObjectStatus { health, ..status.clone() }
}

fn same(told: &[ObjectStatus], seen: &[ObjectStatus]) -> bool {
    let view = |o: &ObjectStatus| (o.object.clone(), o.health, o.reason.clone(), o.message.clone());
    told.len() == seen.len() && told.iter().map(view).eq(seen.iter().map(view))
}

impl Applier {
    /// The lease of a task, if it is free.
    async fn hold(&self, key: &TaskKey) -> Result<Option<Held>, JobError> {
        Held::acquire(&self.context.states, key, self.holder()).await.map_err(JobError::retry)
    }
}

/// For a session that only reads.
pub(crate) fn reading() -> SendUntil {
    SendUntil::always()
}
