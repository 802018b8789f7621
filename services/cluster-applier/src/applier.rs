//! The consumer: takes one step of one task.

mod apply;
mod finish;
mod remove;
mod revert;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bootstrap::{Context, trace};
use cluster::{Engine, SendUntil, Session, Stop, Task};
use domain::{Action, Command, Fact, Health, ObjectStatus, Problem, Rendered, Revision, TaskKey};
use jiff::{SignedDuration, Timestamp};
use messaging::{
    Delivery, Handler, JobError, Route,
    topology::{CLUSTER_APPLIER, Step},
};
use parking_lot::Mutex;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    Clusters, Config,
    check::{Check, NAME, Reported, Stage, digest},
    facts,
    history::History,
    lease::Held,
};

/// How long one step goes on trying what passes. No delivery stays unacknowledged over 60 s.
const PATIENCE: Duration = Duration::from_secs(12);
/// Progress is told at most so often.
const PROGRESS: SignedDuration = SignedDuration::from_secs(1);
/// Tasks that this process finished, to be remembered: the last check of each is still under way.
const FINISHED: usize = 20_000;

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

/// Steps that are asked for, before old ones are looked for and forgotten.
const WAITING: usize = 1_024;

/// Takes steps.
pub(crate) struct Applier {
    pub context: Context,
    pub clusters: Clusters,
    times: Times,
    /// Tells this process from others in leases.
    holder: String,
    /// Next steps that this process has asked for: a watch may take them early.
    waiting: Mutex<HashMap<TaskKey, (Instant, Check)>>,
    finished: Mutex<Finished>,
}

/// The last tasks that ended here.
#[derive(Default)]
struct Finished {
    known: HashSet<(TaskKey, Revision)>,
    order: VecDeque<(TaskKey, Revision)>,
}

/// One step under way.
pub(crate) struct Work<'a> {
    applier: &'a Applier,
    pub check: Check,
    pub command: Command,
    /// What the revision rendered to; none of a roll back.
    pub rendered: Option<Rendered>,
    pub history: History<'a>,
    pub session: Session,
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

type Done<T = ()> = Result<T, JobError>;

impl Applier {
    pub(crate) fn new(context: Context, clusters: Clusters, times: Times) -> Self {
        let holder = Uuid::now_v7().to_string();
        Self { context, clusters, times, holder, waiting: Mutex::default(), finished: Mutex::default() }
    }

    /// What tells this process from others.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    /// The check that a watch may take early, if this process asked for it.
    pub(crate) fn waiting(&self, key: &TaskKey) -> Option<Check> {
        self.waiting.lock().get(key).map(|(_, check)| check.clone())
    }

    /// Takes a step, and asks for the next one; early: that one is under way already.
    pub(crate) async fn step(&self, mut check: Check, traceparent: Option<&str>, how: How) -> Done {
        if self.is_finished(&check) {
            return Ok(());
        }
        self.take_reported(&mut check);
        let held = Held::acquire(&self.context.states, &check.key, &self.holder).await.map_err(JobError::retry)?;
        let next = match held {
            Some(held) => {
                let until = held.send_until.clone();
                // On the heap: a step's futures are large, and many are in flight.
                held.during(Box::pin(self.locked(check.clone(), until, traceparent, how))).await?
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

    /// A step under the lease.
    async fn locked(&self, check: Check, until: SendUntil, traceparent: Option<&str>, how: How) -> Done<Next> {
        let (key, revision, row) = (check.key.clone(), check.revision, check.row);
        let records = &self.context.records;
        let reads = tokio::try_join!(
            History::read(records, &key),
            records.command(&key, revision),
            records.rendered(&key, revision),
            self.row(&check),
        );
        let (history, command, rendered, goes_on) = reads.map_err(JobError::retry)?;
        if goes_on.is_some_and(|other| Some(other) != row) {
            return Ok(Next::Dropped);
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

    /// The row that goes on; only a step of some row need ask.
    async fn row(&self, check: &Check) -> Result<Option<Uuid>, blobs::Error> {
        match check.row {
            Some(_) => self.context.records.note(&check.key, check.revision, ROW).await,
            None => Ok(None),
        }
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

    /// Remembers a step that is asked for. Another replica may take it: then it is forgotten after a while.
    fn note_waiting(&self, next: Check) {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        if waiting.len() >= WAITING && waiting.len().is_multiple_of(WAITING) {
            waiting.retain(|_, (asked, _)| now.duration_since(*asked) < 4 * Step::S15.delay());
        }
        waiting.insert(next.key.clone(), (now, next));
    }

    /// What this process has told meanwhile, early.
    fn take_reported(&self, check: &mut Check) {
        let waiting = self.waiting.lock().remove(&check.key);
        if let Some(known) = waiting.map(|(_, known)| known).filter(|w| w.revision == check.revision) {
            let later = known.reported.filter(|r| check.reported.as_ref().is_none_or(|c| c.at < r.at));
            check.reported = later.or(check.reported.take());
        }
    }

    fn is_finished(&self, check: &Check) -> bool {
        self.finished.lock().known.contains(&(check.key.clone(), check.revision))
    }

    fn note_finished(&self, check: &Check) {
        let mut finished = self.finished.lock();
        let one = (check.key.clone(), check.revision);
        if finished.known.insert(one.clone()) {
            finished.order.push_back(one);
        }
        if finished.order.len() > FINISHED {
            let oldest = finished.order.pop_front().expect("it is not empty");
            finished.known.remove(&oldest);
        }
    }
}

/// A session of the engine for one step.
pub(crate) fn session(engine: &Engine, task: Task, run_as: Option<&str>, until: SendUntil) -> Session {
    engine.session(task, run_as, until, PATIENCE)
}

impl Work<'_> {
    /// Takes the step, unless another command holds by now, or this one has ended.
    async fn run(self, traceparent: Option<&str>) -> Done<Next> {
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
            Stage::Revert { to, since, problems } => self.revert(to, since, problems, traceparent).await,
            Stage::Ready => self.ready(traceparent).await,
            Stage::Apply | Stage::RollBack { .. } => self.apply(traceparent).await,
        }
    }

    /// Tells progress, if it is news and not too soon.
    async fn tell(&mut self, observed: u64, health: Health, objects: &[ObjectStatus], parent: Option<&str>) -> Done {
        let now = Timestamp::now();
        let digest = digest(health, objects);
        let told = self.check.reported.as_ref();
        if told.is_some_and(|r| r.digest == digest || now.duration_since(r.at) < PROGRESS) {
            return Ok(());
        }
        let body = facts::progress(observed, health, objects);
        facts::publish(&self.applier.context, &self.check, body, parent).await.map_err(JobError::retry)?;
        self.check.reported = Some(Reported { at: now, digest });
        Ok(())
    }

    /// When what keeps running has to be healthy.
    fn deadline(&self, since: Timestamp) -> Timestamp {
        since.checked_add(self.command.options.ready_deadline()).unwrap_or(Timestamp::MAX)
    }

    /// What to do where the engine stopped: the same stage later, or the end.
    fn later(&self, stop: &Stop, deadline: Timestamp) -> Result<Next, Vec<Problem>> {
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

#[async_trait]
impl Handler for Applier {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let message = &delivery.message;
        let traceparent = message.headers.get(trace::HEADER).cloned();
        let check = read(&delivery)?;
        let how = if delivery.again { How::Again } else { How::Asked };
        let span = tracing::info_span!("task.step", task.id = %check.key.id, task.revision = check.revision, task.stage = check.stage.name());
        trace::continue_from(&span, traceparent.as_deref());
        self.step(check, traceparent.as_deref(), how).instrument(span).await
    }

    async fn healthy(&self) -> bool {
        self.context.records.ready().await.is_ok() && self.context.states.ready().await.is_ok()
    }
}

/// The step that a message asks for.
fn read(delivery: &Delivery) -> Result<Check, JobError> {
    let kind = delivery.message.kind.as_str();
    if kind == format!("dev.marea.{NAME}.v1") {
        return delivery.message.data().map_err(JobError::fail);
    }
    let fact: Fact = delivery.message.data().map_err(JobError::fail)?;
    match kind {
        "dev.marea.task.validated.v1" => Ok(Check::first(&fact, Stage::Apply)),
        "dev.marea.task.rollback_requested.v1" => Ok(Check::first(&fact, Stage::RollBack { blocked: false })),
        other => Err(JobError::fail(format!("messages of type {other} are not for cluster-applier"))),
    }
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Ready => "ready",
            Self::Revert { .. } => "revert",
            Self::RollBack { .. } => "roll_back",
        }
    }
}
