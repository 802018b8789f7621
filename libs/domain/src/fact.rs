//! Facts: events that say what happened to a task. State is a function of the set of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Health, ObjectRef, ObjectStatus, Problem, Revision, TaskId, TaskKey, TaskName, TenantName};

mod flat;
#[cfg(test)]
mod tests;

/// One fact about one revision of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "flat::Flat")]
pub struct Fact {
    /// The tenant that owns the task.
    pub tenant: TenantName,
    /// The task.
    pub task: TaskId,
    /// The task's name.
    pub name: TaskName,
    /// The command that it is about.
    pub revision: Revision,
    /// When it happened, by its maker's clock: shown, never compared.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: FactBody,
}

/// What kind of command a `task.submitted` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// New files.
    Apply,
    /// Back to an earlier revision.
    Revert,
    /// Remove everything.
    RollBack,
}

/// What happened. Message types are `dev.marea.<name>.v1`, for example `dev.marea.task.applied.v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
pub enum FactBody {
    /// entrypoint stored a command to apply or to revert.
    #[serde(rename = "task.submitted")]
    Submitted {
        /// Apply or revert.
        command: CommandKind,
        /// Files sent.
        files: u32,
        /// Of a revert: the revision to go back to.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<Revision>,
    },
    /// yaml-manager accepted and rendered the revision.
    #[serde(rename = "task.validated")]
    Validated {
        /// Objects to apply.
        objects: u32,
        /// Warnings, bounded by [`crate::limits::PROBLEMS`].
        warnings: Vec<Problem>,
        /// What was added, a line each for a person.
        added: Vec<String>,
    },
    /// yaml-manager refused the revision.
    #[serde(rename = "task.rejected")]
    Rejected {
        /// Why, bounded by [`crate::limits::PROBLEMS`].
        problems: Vec<Problem>,
    },
    /// cluster-applier began to write.
    #[serde(rename = "task.apply_started")]
    ApplyStarted {
        /// Objects to apply.
        objects: u32,
    },
    /// A check saw the objects; also after `task.applied`, when their health changes.
    #[serde(rename = "task.progress")]
    Progress {
        /// The cluster's version (a list's resourceVersion) that was seen: the highest one holds.
        observed: u64,
        /// The whole's health.
        health: Health,
        /// The objects.
        objects: Vec<ObjectStatus>,
    },
    /// Every object is applied and healthy.
    #[serde(rename = "task.applied")]
    Applied {
        /// The cluster's version that was seen.
        observed: u64,
        /// The objects.
        objects: Vec<ObjectStatus>,
        /// Objects that prune left on purpose.
        kept: Vec<ObjectRef>,
        /// Warnings of the API server and of prune.
        warnings: Vec<Problem>,
    },
    /// The revision failed.
    #[serde(rename = "task.failed")]
    Failed {
        /// Why.
        problems: Vec<Problem>,
        /// The objects as last seen.
        objects: Vec<ObjectStatus>,
    },
    /// The revision failed, and the live one was applied again.
    #[serde(rename = "task.reverted")]
    Reverted {
        /// The revision that is live again.
        to: Revision,
        /// The highest version of the cluster at which it was seen healthy.
        observed: u64,
    },
    /// entrypoint stored a command to roll back.
    #[serde(rename = "task.rollback_requested")]
    RollbackRequested {},
    /// Objects do not go: each names its finalizers or owner.
    #[serde(rename = "task.rollback_blocked")]
    RollbackBlocked {
        /// What stands in the way.
        problems: Vec<Problem>,
        /// The objects that are still there.
        objects: Vec<ObjectStatus>,
    },
    /// Every object is gone.
    #[serde(rename = "task.rolled_back")]
    RolledBack {
        /// Objects that were left on purpose.
        kept: Vec<ObjectRef>,
    },
}

impl FactBody {
    /// The fact's type, which is also its routing key.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "task.submitted",
            Self::Validated { .. } => "task.validated",
            Self::Rejected { .. } => "task.rejected",
            Self::ApplyStarted { .. } => "task.apply_started",
            Self::Progress { .. } => "task.progress",
            Self::Applied { .. } => "task.applied",
            Self::Failed { .. } => "task.failed",
            Self::Reverted { .. } => "task.reverted",
            Self::RollbackRequested { .. } => "task.rollback_requested",
            Self::RollbackBlocked { .. } => "task.rollback_blocked",
            Self::RolledBack { .. } => "task.rolled_back",
        }
    }

    /// Whether it says that its revision holds from now on, in place of those below it: it was accepted, or it rolls
    /// back. What is only submitted, or rejected, does not.
    pub fn is_in_force(&self) -> bool {
        !matches!(self, Self::Submitted { .. } | Self::Rejected { .. })
    }

    /// The type's rank within a revision: the highest one present decides the revision's state.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Submitted { .. } => 10,
            Self::RollbackRequested { .. } => 11,
            Self::Validated { .. } => 20,
            Self::ApplyStarted { .. } => 30,
            Self::Progress { .. } => 40,
            Self::RollbackBlocked { .. } => 50,
            Self::Applied { .. } => 60,
            Self::Rejected { .. } => 61,
            Self::Failed { .. } => 62,
            Self::Reverted { .. } => 63,
            Self::RolledBack { .. } => 64,
        }
    }
}

impl Fact {
    /// The task's key.
    pub fn key(&self) -> TaskKey {
        TaskKey { tenant: self.tenant.clone(), id: self.task }
    }

    /// The member that the fact is in its task's set: one a revision and type. Of
    /// `task.progress` the one that saw the highest version of the cluster holds, of `task.rollback_blocked` the newest.
    pub fn member(&self) -> String {
        format!("{:06}/{}", self.revision, self.body.type_name())
    }

    /// For `task.progress` the version that was seen, for `task.rollback_blocked` its time in milliseconds, else 0: of
    /// two facts with one [`Fact::member`] the higher one holds, and of equals the first.
    pub fn precedence(&self) -> u64 {
        match self.body {
            FactBody::Progress { observed, .. } => observed,
            FactBody::RollbackBlocked { .. } => self.time.as_millisecond().max(0).cast_unsigned(),
            _ => 0,
        }
    }

    /// The id of the message that carries it: derived, so that one published twice has one id.
    pub fn message_id(&self) -> String {
        let name = format!("{}#{}", self.member(), self.precedence());
        Uuid::new_v5(&self.task.uuid(), name.as_bytes()).to_string()
    }
}
