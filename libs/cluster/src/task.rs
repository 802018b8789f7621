//! How a task is written into a cluster: labels, annotations, field manager, parent.

use domain::{TaskId, TaskKey, TaskName};

/// The label that says which task an object belongs to; its value is the task's id.
pub const TASK_LABEL: &str = "marea.dev/task";
/// The label that says which tenant an object belongs to.
pub const TENANT_LABEL: &str = "marea.dev/tenant";
/// The annotation of the parent that carries the task's name, for messages about a foreign task.
pub const NAME_ANNOTATION: &str = "marea.dev/task-name";
/// The annotation with which an object outlives its task.
pub const ON_DELETE_ANNOTATION: &str = "marea.dev/on-delete";
/// The annotation with which a running `kind: Job` may be deleted and made anew.
pub const REPLACE_ANNOTATION: &str = "marea.dev/replace";
/// The annotation with which a `kind: Job` counts once it has started.
pub const WAIT_ANNOTATION: &str = "marea.dev/wait";
/// The annotation of a `kind: Job` with the hash of the spec that was applied.
pub const SPEC_HASH_ANNOTATION: &str = "marea.dev/spec-hash";

/// One task, as the engine writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Tenant and id.
    pub key: TaskKey,
    /// Its name, for people.
    pub name: TaskName,
}

impl Task {
    /// The field manager, and the parent's name.
    pub fn manager(&self) -> String {
        manager(&self.key.id)
    }

    /// The manager that owns the parent's `data`: another one, so that applying the parent keeps it.
    pub(crate) fn memory_manager(&self) -> String {
        format!("{}-state", self.manager())
    }

    /// The label selector of the task's objects.
    pub(crate) fn selector(&self) -> String {
        format!("{TASK_LABEL}={}", self.key.id)
    }
}

fn manager(id: &TaskId) -> String {
    format!("marea-{id}")
}
