//! Watches run checks early, and go on telling the health of tasks that are done.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cluster::SendUntil;
use domain::{Health, TaskKey};
use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use messaging::{JobError, topology::HANDLE_TIMEOUT};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Clusters,
    applier::{Applier, How},
    check::Stage,
};

/// Several objects of a task change together: they are looked at once.
const GATHER: Duration = Duration::from_millis(40);
/// Between two looks at one task that is done.
const PAUSE: Duration = Duration::from_secs(1);
/// The same while a command is under way, for somebody waits for its end: this, or longer where a look takes long.
const PAUSE_UNDER_WAY: Duration = Duration::from_millis(50);
/// The longest between two looks at a task at which there was nothing to be told yet.
const MAX_PAUSE: Duration = Duration::from_mins(1);
/// A task that is under way is looked at for at most one part in so many of the time.
const SHARE: u32 = 5;
/// Tasks looked at side by side.
const AT_ONCE: usize = 16;
/// Tasks of one list.
const PAGE: usize = 500;
/// Changed tasks that wait to be taken.
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
    /// Looks in a row at which there was nothing to be told yet.
    vain: BTreeMap<TaskKey, u32>,
}

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// All is told. A look may follow another by that.
    Told(Duration),
    /// What changed is not told yet, and no event may come again.
    InVain,
}

impl Schedule {
    fn add(&mut self, key: TaskKey, now: Instant) {
        let free = self.rests.get(&key).copied().flatten().unwrap_or(now);
        let at = free.max(now + GATHER);
        let due = self.due.entry(key).or_insert(at);
        *due = at.min(*due);
    }

    fn may(&self, key: &TaskKey) -> bool {
        self.rests.get(key) != Some(&None)
    }

    fn next(&self) -> Option<Instant> {
        self.due.iter().filter(|(key, _)| self.may(key)).map(|(_, at)| *at).min()
    }

    fn take(&mut self, now: Instant) -> Option<TaskKey> {
        // Who waits longest: tasks that change all the time take no turn of others.
        let ripe = self.due.iter().filter(|(key, at)| **at <= now && self.may(key));
        let key = ripe.min_by_key(|(_, at)| **at).map(|(key, _)| key.clone())?;
        self.due.remove(&key);
        self.rests.retain(|_, until| until.is_none_or(|until| now < until));
        self.rests.insert(key.clone(), None);
        Some(key)
    }

    /// A look has ended: the task rests. One in vain is followed by another, later and later.
    fn ended(&mut self, key: TaskKey, looked: Looked, now: Instant) {
        let rest = match looked {
            Looked::Told(rest) => {
                self.vain.remove(&key);
                rest
            }
            Looked::InVain => {
                let before = self.vain.entry(key.clone()).or_default();
                let again = now + PAUSE.saturating_mul(1 << (*before).min(6)).min(MAX_PAUSE);
                *before += 1;
                self.due.entry(key.clone()).or_insert(again);
                PAUSE
            }
        };
        if let Some(due) = self.due.get_mut(&key) {
            *due = (now + rest).max(*due);
        }
        self.rests.insert(key, Some(now + rest));
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
        let unwell = async {
            while let Err(error) = self.unwell(&sender).await {
                tracing::warn!(%error, "tasks that are not well cannot be listed; they are once more");
                tokio::time::sleep(MAX_PAUSE).await;
            }
        };
        let looking = shutdown.run_until_cancelled(self.look(receiver));
        tokio::join!(join_all(watches), shutdown.run_until_cancelled(unwell), looking);
    }

    /// Names the tasks whose live revision was told as not well: what got well again while nobody watched is in no list of what
    /// is not.
    async fn unwell(&self, changed: &mpsc::Sender<TaskKey>) -> anyhow::Result<()> {
        let context = &self.applier.context;
        for tenant in context.records.tenants().await? {
            let mut before = None;
            loop {
                // A newer revision may have been refused or taken back since, so that the task is not done.
                let page = context.states.list(&tenant, None, before, PAGE).await?;
                let live = page.tasks.iter().filter(|task| task.live_revision.is_some());
                for task in live.filter(|task| task.health != Health::Healthy) {
                    // Only its own end closes the channel.
                    let _ = changed.send(TaskKey { tenant: tenant.clone(), id: task.id }).await;
                }
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
        }
        Ok(())
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
                Some((key, looked)) = running.next(), if !running.is_empty() => schedule.ended(key, looked, Instant::now()),
            }
        }
    }

    /// Looks at one task.
    async fn one(&self, key: TaskKey) -> (TaskKey, Looked) {
        let began = Instant::now();
        let looked = async {
            match self.applier.waiting(&key) {
                Some(check) if !matches!(check.stage, Stage::Apply) => {
                    self.applier.step(check.clone(), None, How::Early).await?;
                    // Another replica may have ended it: then nobody has looked at what changed since.
                    let ended = self.applier.is_finished(&check);
                    let rest = (began.elapsed() * SHARE).clamp(PAUSE_UNDER_WAY, PAUSE);
                    Ok(if ended { Looked::InVain } else { Looked::Told(rest) })
                }
                _ => {
                    let told = self.applier.watch_over(&key).await?;
                    Ok(if told { Looked::Told(PAUSE) } else { Looked::InVain })
                }
            }
        };
        // A look that hangs would keep its lease for ever, and every other check of the task from going on.
        let late = |_| Err(JobError::retry(format!("not looked at within {HANDLE_TIMEOUT:?}")));
        let looked = tokio::time::timeout(HANDLE_TIMEOUT, looked).await.unwrap_or_else(late);
        let looked = looked.unwrap_or_else(|(JobError::Retry(error) | JobError::Fail(error))| {
            tracing::debug!(task.id = %key.id, error = %error, "an early check failed; another one follows");
            Looked::InVain
        });
        (key, looked)
    }
}

/// For a session that only reads.
pub(crate) fn reading() -> SendUntil {
    SendUntil::always()
}
