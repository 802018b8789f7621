//! The command `task.check`: the next step of a task, with all that must survive until then.

use domain::{Fact, Health, ObjectStatus, Problem, Revision, TaskKey, TaskName};
use jiff::{SignedDuration, Timestamp};
use messaging::{Message, topology::Step};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of the message, without prefix and version.
pub(crate) const NAME: &str = "task.check";

/// Progress is told at most so often.
const PROGRESS: SignedDuration = SignedDuration::from_secs(1);

/// One step of a task's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    #[serde(flatten)]
    pub key: TaskKey,
    pub name: TaskName,
    /// The command that the step belongs to.
    pub revision: Revision,
    /// Steps before this one.
    pub attempt: u32,
    /// When the first step was taken.
    pub started: Timestamp,
    pub stage: Stage,
    /// The row of steps that it belongs to; none: its first step is yet to begin one. Of two rows of one command
    /// the one that began last goes on.
    #[serde(default)]
    pub row: Option<Uuid>,
    /// Warnings so far.
    #[serde(default)]
    pub warnings: Vec<Problem>,
    /// The last `task.progress`.
    #[serde(default)]
    pub reported: Option<Reported>,
    /// Since when something that keeps running is not healthy; none: all of it was, at the last look.
    #[serde(default)]
    pub overdue_since: Option<Timestamp>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Apply the revision.
    Apply,
    /// See whether it is healthy.
    Ready,
    /// Go back to the live revision, because of these.
    Revert { to: Revision, since: Timestamp, problems: Vec<Problem> },
    /// Remove everything.
    RollBack { blocked: bool },
    /// Look once more, some time after the end.
    Settle,
}

/// What was last reported, so that progress is not told twice, nor more than once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    pub at: Timestamp,
    pub digest: u64,
}

impl Check {
    /// The first step of what a fact asks for.
    pub(crate) fn first(fact: &Fact, stage: Stage) -> Self {
        let started = Timestamp::now();
        Self {
            key: fact.key(),
            name: fact.name.clone(),
            revision: fact.revision,
            attempt: 0,
            started,
            stage,
            row: None,
            warnings: vec![],
            reported: None,
            overdue_since: Some(started),
        }
    }

    /// No step of a command: a look at a task that is done.
    pub(crate) fn watching(key: TaskKey, name: TaskName, revision: Revision) -> Self {
        let started = Timestamp::now();
        let (stage, warnings) = (Stage::Ready, vec![]);
        Self {
            key,
            name,
            revision,
            attempt: 0,
            started,
            stage,
            row: None,
            warnings,
            reported: None,
            overdue_since: None,
        }
    }

    /// A last look at the task of this step, after its end.
    pub(crate) fn settle(check: &Self) -> Self {
        Self { stage: Stage::Settle, ..Self::watching(check.key.clone(), check.name.clone(), check.revision) }
    }

    /// Has it go back, as another step of its command began to; one that knows of that goes on as it is.
    pub(crate) fn go_back(&mut self, revert: Stage) {
        if let (Stage::Revert { since, .. }, false) = (&revert, matches!(self.stage, Stage::Revert { .. })) {
            // Of what it goes back to nothing was late yet.
            self.overdue_since = Some(*since);
            self.stage = revert;
        }
    }

    /// The step after this one.
    pub(crate) fn next(&self, stage: Stage) -> Self {
        Self { attempt: self.attempt + 1, stage, ..self.clone() }
    }

    /// How long to wait before it.
    pub(crate) fn delay(&self) -> Step {
        match (&self.stage, self.attempt) {
            (Stage::RollBack { blocked: true } | Stage::Settle, _) => Step::S15,
            (_, ..=2) => Step::Ms250,
            (_, ..=6) => Step::S1,
            (_, ..=12) => Step::S5,
            _ => Step::S15,
        }
    }

    /// The message; its id is derived, so that a step that is taken twice asks for one next step.
    pub(crate) fn message(&self) -> Message {
        let row = self.row.unwrap_or_default();
        let name = format!("{}/{NAME}/{}/{}/{row}", self.revision, self.attempt, self.started);
        let id = Uuid::new_v5(&self.key.id.uuid(), name.as_bytes()).to_string();
        Message::event(NAME, id, self.key.to_string(), Timestamp::now(), self)
    }
}

impl Reported {
    /// Whether it was told a moment ago.
    pub(crate) fn is_fresh(&self) -> bool {
        Timestamp::now().duration_since(self.at) < PROGRESS
    }
}

/// What a report says, as one number.
pub(crate) fn digest(health: Health, objects: &[ObjectStatus]) -> u64 {
    fnv(&format!("{health:?}{}", lines(objects)))
}

/// What stands in the way of a roll back, as one number.
pub(crate) fn digest_blocked(problems: &[Problem], objects: &[ObjectStatus]) -> u64 {
    fnv(&format!("{problems:?}{}", lines(objects)))
}

fn lines(objects: &[ObjectStatus]) -> String {
    objects.iter().map(|o| format!("{}|{:?}|{}|{};", o.object, o.health, o.reason, o.message)).collect()
}

/// FNV-1a: the same in every process, unlike std's hasher.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
