//! The state of a task: a pure function of the set of its facts. No clocks are compared.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Fact, FactBody, Health, ObjectRef, ObjectStatus, Problem, Revision, TaskId, TaskName, TenantName, fact::CommandKind,
};

#[cfg(test)]
mod tests;

/// The state of a revision, and of a task by its highest revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Stored; not yet applied.
    Pending,
    /// Being applied, or on its way to healthy.
    ApplyingInCluster,
    /// Every `kind: Job` complete, all else current.
    Done,
    /// Refused by validation.
    Rejected,
    /// Applied in part or not healthy in time.
    Failed,
    /// Being removed.
    RollingBack,
    /// Every object is gone.
    RolledBack,
    /// Some object does not go; resumable.
    RollbackBlocked,
    /// Did not end before a higher accepted revision, or a roll back, came instead. Never a task's own state.
    Superseded,
}

impl State {
    /// Every state that a task may be in, in the order of its way.
    pub const OF_A_TASK: [State; 8] = [
        State::Pending,
        State::ApplyingInCluster,
        State::Done,
        State::Rejected,
        State::Failed,
        State::RollingBack,
        State::RolledBack,
        State::RollbackBlocked,
    ];

    /// Whether nothing more happens without a new command.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Rejected | Self::Failed | Self::RolledBack | Self::Superseded)
    }

    /// The state's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::ApplyingInCluster => "APPLYING_IN_CLUSTER",
            Self::Done => "DONE",
            Self::Rejected => "REJECTED",
            Self::Failed => "FAILED",
            Self::RollingBack => "ROLLING_BACK",
            Self::RolledBack => "ROLLED_BACK",
            Self::RollbackBlocked => "ROLLBACK_BLOCKED",
            Self::Superseded => "SUPERSEDED",
        }
    }
}

/// One step of a revision's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transition {
    /// The fact's type, for example `task.validated`; at SUPERSEDED that of the revision that came instead.
    pub event: String,
    /// The state that it led to.
    pub state: State,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionStatus {
    /// Its number, from 1.
    pub revision: Revision,
    /// What the command asked for.
    pub command: CommandKind,
    /// Its state.
    pub state: State,
    /// Where it is SUPERSEDED: the revision that came instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub superseded_by: Option<Revision>,
    /// Its way so far, in the order of rank.
    pub transitions: Vec<Transition>,
    /// Errors and warnings.
    pub problems: Vec<Problem>,
    /// What Marea added to the manifests, a line each.
    pub added: Vec<String>,
    /// Files sent.
    pub files: u32,
}

/// What `GET /status/<id>` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskStatus {
    /// The task's id.
    #[schema(value_type = String)]
    pub id: TaskId,
    /// The tenant that owns it.
    pub tenant: TenantName,
    /// Its name.
    pub name: TaskName,
    /// The state of its desired revision.
    pub state: State,
    /// The highest revision.
    pub desired_revision: Revision,
    /// The revision whose objects are in the cluster and were healthy, if any.
    pub live_revision: Option<Revision>,
    /// The objects' health, live after DONE too.
    pub health: Health,
    /// Grows with every fact; for `?after=` and `ETag`.
    pub version: u64,
    /// When it was submitted.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When the last fact happened.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
    /// Its revisions, newest first.
    pub revisions: Vec<RevisionStatus>,
    /// Its objects as last seen.
    pub objects: Vec<ObjectStatus>,
    /// Objects that were left in the cluster on purpose.
    pub kept: Vec<ObjectRef>,
}

/// Folds facts into a status: `None` of no facts. The order of `facts` and repetitions do
/// not matter, but for `task.progress`, of which the highest [`Fact::precedence`] holds.
pub fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Option<TaskStatus> {
    let mut set = BTreeMap::<(Revision, u8), &Fact>::new();
    let mut version = 0;
    for fact in facts {
        let slot = set.entry((fact.revision, fact.body.rank())).or_insert(fact);
        if fact.precedence() > slot.precedence() {
            *slot = fact;
        }
    }
    let (_, first) = set.first_key_value()?;
    let (_, last) = set.last_key_value()?;
    let mut revisions = Vec::new();
    for (&(number, _), &fact) in &set {
        version += 1;
        if revisions.last().is_none_or(|r: &RevisionStatus| r.revision != number) {
            revisions.push(RevisionStatus::new(fact));
        }
        if let Some(revision) = revisions.last_mut() {
            revision.take(fact);
        }
    }
    supersede(&mut revisions, set.values().copied());
    let desired = revisions.last()?;
    let mut status = TaskStatus {
        id: first.task,
        tenant: first.tenant.clone(),
        name: first.name.clone(),
        state: desired.state,
        desired_revision: desired.revision,
        live_revision: None,
        health: Health::Progressing,
        version,
        created: first.time,
        updated: set.values().map(|f| f.time).max().unwrap_or(last.time),
        revisions: vec![],
        objects: vec![],
        kept: vec![],
    };
    set.values().for_each(|fact| status.see(fact));
    status.observe(set.values().copied());
    revisions.reverse();
    status.revisions = revisions;
    Some(status)
}

/// A revision that did not end yields to the next one above it that is in force. A rejected one is not, nor is one
/// that nobody has judged yet.
fn supersede<'a>(revisions: &mut [RevisionStatus], facts: impl Iterator<Item = &'a Fact>) {
    let mut in_force = BTreeMap::new();
    for fact in facts.filter(|f| f.body.is_in_force()) {
        in_force.entry(fact.revision).or_insert(fact);
    }
    for revision in revisions.iter_mut().filter(|r| !r.state.is_final()) {
        if let Some((_, by)) = in_force.range(revision.revision + 1..).next() {
            revision.yield_to(by);
        }
    }
}

impl RevisionStatus {
    fn new(fact: &Fact) -> Self {
        Self {
            revision: fact.revision,
            command: CommandKind::Apply,
            state: State::Pending,
            superseded_by: None,
            transitions: vec![],
            problems: vec![],
            added: vec![],
            files: 0,
        }
    }

    fn take(&mut self, fact: &Fact) {
        let state = match &fact.body {
            FactBody::Submitted { command, files, .. } => {
                (self.command, self.files) = (*command, *files);
                State::Pending
            }
            FactBody::Validated { warnings, added, .. } => {
                self.problems.extend_from_slice(warnings);
                self.added.clone_from(added);
                State::Pending
            }
            FactBody::ApplyStarted { .. } => State::ApplyingInCluster,
            FactBody::Progress { .. } => return,
            FactBody::Applied { warnings, .. } => {
                self.problems.extend_from_slice(warnings);
                State::Done
            }
            FactBody::Rejected { problems } => {
                self.problems.clone_from(problems);
                State::Rejected
            }
            FactBody::Failed { problems, .. } => {
                self.problems.extend_from_slice(problems);
                State::Failed
            }
            FactBody::Reverted { .. } => State::Failed,
            FactBody::RollbackRequested {} => {
                self.command = CommandKind::RollBack;
                State::RollingBack
            }
            FactBody::RollbackBlocked { problems, .. } => {
                self.command = CommandKind::RollBack;
                self.problems.clone_from(problems);
                State::RollbackBlocked
            }
            FactBody::RolledBack { .. } => {
                self.command = CommandKind::RollBack;
                self.problems.clear();
                State::RolledBack
            }
        };
        self.enter(state, fact);
    }

    fn enter(&mut self, state: State, fact: &Fact) {
        self.state = state;
        self.transitions.push(Transition { event: fact.body.type_name().to_owned(), state, time: fact.time });
    }

    fn yield_to(&mut self, other: &Fact) {
        self.superseded_by = Some(other.revision);
        self.enter(State::Superseded, other);
    }
}

impl TaskStatus {
    /// What one fact says of the task as a whole; facts come in the order of revision and rank.
    fn see(&mut self, fact: &Fact) {
        match &fact.body {
            FactBody::Applied { kept, .. } => {
                self.live_revision = Some(fact.revision);
                self.kept.clone_from(kept);
            }
            FactBody::Reverted { to, .. } => self.live_revision = Some(*to),
            FactBody::RolledBack { kept } => {
                self.live_revision = None;
                self.kept.clone_from(kept);
            }
            _ => {}
        }
    }

    /// Objects and health: from the observation that saw the highest version of the cluster;
    /// an ending without a version counts after all observations of its revision. A failure that
    /// was reverted saw the live revision's objects, healthy, at the version that the revert tells.
    fn observe<'a>(&mut self, facts: impl Iterator<Item = &'a Fact> + Clone) {
        let reverted = |fact: &Fact| match fact.body {
            FactBody::Reverted { observed, .. } => Some((fact.revision, observed)),
            _ => None,
        };
        let reverted: BTreeMap<_, _> = facts.clone().filter_map(reverted).collect();
        let mut best = None;
        for fact in facts {
            let seen = match &fact.body {
                FactBody::Progress { observed, health, objects } => (*observed, *health, objects.as_slice()),
                FactBody::Applied { observed, objects, .. } => (*observed, Health::Healthy, objects.as_slice()),
                FactBody::Failed { objects, .. } if reverted.contains_key(&fact.revision) => {
                    (reverted[&fact.revision], Health::Healthy, objects.as_slice())
                }
                FactBody::Failed { objects, .. } | FactBody::RollbackBlocked { objects, .. } => {
                    (u64::MAX, Health::Degraded, objects.as_slice())
                }
                FactBody::RolledBack { .. } => (u64::MAX, Health::Healthy, [].as_slice()),
                _ => continue,
            };
            let key = (fact.revision, seen.0, fact.body.rank());
            if best.as_ref().is_none_or(|(k, _, _)| key >= *k) {
                best = Some((key, seen.1, seen.2));
            }
        }
        if let Some((_, health, objects)) = best {
            self.health = health;
            self.objects = objects.to_vec();
        }
    }
}
