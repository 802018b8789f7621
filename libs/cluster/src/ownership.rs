//! Whose an object is, decided from its metadata before anything is written. Pure.

use serde_json::Value;

use crate::{
    task::{TASK_LABEL, Task},
    view,
};

/// Whose a live object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// There is none: applying must create it.
    Absent,
    /// This task's.
    Ours { uid: String },
    /// This task's, and being deleted: applying has to wait until it is gone.
    Leaving,
    /// Another task's, by its id.
    Task(String),
    /// Nobody's that we know.
    Foreign,
}

/// Decides by label.
pub(crate) fn owner(live: Option<&Value>, task: &Task) -> Owner {
    let Some(live) = live else { return Owner::Absent };
    match view::label(live, TASK_LABEL) {
        "" => Owner::Foreign,
        id if id != task.key.id.to_string() => Owner::Task(id.to_owned()),
        _ if view::is_terminating(live) => Owner::Leaving,
        _ => Owner::Ours { uid: view::text(live, "/metadata/uid").to_owned() },
    }
}

/// Who else wrote an object that we meant to create: it came between our read and our write.
/// Controllers write into objects as soon as they exist, so they do not count.
pub(crate) fn other_writer<'a>(live: &'a Value, manager: &str) -> Option<&'a str> {
    let entries = view::list(live, "/metadata/managedFields").iter();
    let others = entries.filter(|e| view::text(e, "/subresource").is_empty()).map(|e| view::text(e, "/manager"));
    let controller = |m: &str| matches!(m, "kube-controller-manager" | "kube-scheduler" | "kubelet");
    others.into_iter().find(|m| *m != manager && !controller(m))
}
