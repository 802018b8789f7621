//! Records: what blob storage keeps of a task. They are the source of truth.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Fact, FactBody, ObjectRef, ObjectStatus, Problem, Revision, TaskId, TaskKey, TaskName, TenantName,
    fact::CommandKind,
};

/// A file as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceFile {
    /// Its name: a relative path without `..`.
    pub name: String,
    /// Its text.
    pub content: String,
}

/// What to do when a revision fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Leave what was applied as it is.
    #[default]
    Keep,
    /// Go back to the live revision.
    Revert,
}

/// How a revision is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Options {
    /// What to do when the revision fails.
    pub on_failure: OnFailure,
    /// How long what keeps running may take to become healthy, in seconds.
    pub ready_deadline_seconds: u32,
    /// The cluster to apply to; empty: the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Whether prune may delete PersistentVolumeClaims.
    pub prune_volumes: bool,
    /// Whether prune may delete more than half of the objects.
    pub confirm_prune: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on_failure: OnFailure::Keep,
            ready_deadline_seconds: 600,
            target: String::new(),
            prune_volumes: false,
            confirm_prune: false,
        }
    }
}

impl Options {
    /// How long what keeps running may take to become healthy.
    pub fn ready_deadline(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ready_deadline_seconds.into())
    }
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Apply these files.
    Apply {
        /// The files as sent, in the order sent.
        sources: Vec<SourceFile>,
    },
    /// Apply what an earlier revision rendered.
    Revert {
        /// The earlier revision.
        to: Revision,
    },
    /// Remove every object of the task.
    RollBack,
}

/// The record `<n>/command`: one numbered command of a task. Never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The tenant that owns the task.
    pub tenant: TenantName,
    /// The task.
    pub task: TaskId,
    /// The task's name.
    pub name: TaskName,
    /// This command's number, from 1.
    pub revision: Revision,
    /// What it asks for.
    #[serde(flatten)]
    pub action: Action,
    /// How it is to be run.
    #[serde(default)]
    pub options: Options,
    /// When entrypoint took it.
    pub created: Timestamp,
    /// Who sent it: a token's id, or `local`.
    pub actor: String,
    /// W3C trace context of the request, so that every step joins one trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The hash of the request's `Idempotency-Key`: whose command this is, of those that wanted its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<String>,
}

impl Command {
    /// The task's key.
    pub fn key(&self) -> TaskKey {
        TaskKey { tenant: self.tenant.clone(), id: self.task }
    }

    /// The fact that it was stored: the same message, by its id, whoever publishes it and however often.
    pub fn fact(&self) -> Fact {
        let submitted = |command, files, to| FactBody::Submitted { command, files, to };
        let body = match &self.action {
            Action::Apply { sources } => {
                submitted(CommandKind::Apply, u32::try_from(sources.len()).unwrap_or(u32::MAX), None)
            }
            Action::Revert { to } => submitted(CommandKind::Revert, 0, Some(*to)),
            Action::RollBack => FactBody::RollbackRequested {},
        };
        let (tenant, task, name) = (self.tenant.clone(), self.task, self.name.clone());
        Fact { tenant, task, name, revision: self.revision, time: self.created, body }
    }
}

/// One object of a rendered revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RenderedObject {
    /// The object as it is applied: checked, defaulted, labelled; without the owner
    /// reference to the parent, whose uid is known only when it is made.
    pub manifest: Value,
    /// The file it came from; empty for an object that Marea added.
    pub file: String,
    /// The document's place in the file, from 0.
    pub document: u32,
    /// The line at which the object begins, from 1; 0 for an object that Marea added.
    pub line: u32,
}

/// The record `<n>/rendered`: what is applied, and reverted to, for ever.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Rendered {
    /// The objects, in the order of their documents.
    pub objects: Vec<RenderedObject>,
    /// Objects and fields that Marea added, a line each for a person.
    #[serde(default)]
    pub added: Vec<String>,
    /// The ServiceAccount of the tenant to write as (impersonation), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    /// Namespaces that the tenant owns and that may be made where absent (`marea up` only).
    #[serde(default)]
    pub make_namespaces: bool,
}

/// The record `<n>/report`: what validation said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Errors and warnings, in the order of the sources.
    pub problems: Vec<Problem>,
    /// Whether the revision is refused.
    pub rejected: bool,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The revision's objects are applied and healthy.
    Applied,
    /// Validation refused it.
    Rejected,
    /// It failed; what was applied was left.
    Failed,
    /// It failed; the live revision was applied again.
    Reverted,
    /// Every object of the task is gone.
    RolledBack,
    /// A higher command came before it ended.
    Superseded,
}

/// The record `<n>/outcome`: how a command ended. Written before the fact is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// When.
    pub time: Timestamp,
    /// Why it failed, or what it warned of.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// The objects as last seen.
    #[serde(default)]
    pub objects: Vec<ObjectStatus>,
    /// The cluster's version at which they were seen, where the facts of the ending tell one; else 0.
    #[serde(default)]
    pub observed: u64,
    /// Objects that were left in the cluster on purpose.
    #[serde(default)]
    pub kept: Vec<ObjectRef>,
    /// The revision whose objects are in the cluster now, if any.
    #[serde(default)]
    pub live: Option<Revision>,
    /// Finished `kind: Job`s by [`job_key`]: never applied again at that hash.
    #[serde(default)]
    pub finished_jobs: BTreeMap<String, FinishedJob>,
}

/// A `kind: Job` that ran to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedJob {
    /// Its uid.
    pub uid: String,
    /// The hash of the spec that it ran.
    pub spec_hash: String,
    /// Whether it ended at `Complete`.
    pub complete: bool,
}

/// The key of a `kind: Job` in [`Outcome::finished_jobs`].
pub fn job_key(object: &ObjectRef) -> String {
    format!("{}/{}", object.namespace, object.name)
}
