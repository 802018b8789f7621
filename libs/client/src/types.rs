//! What the server answers, where `domain` has no type for it.

use std::collections::BTreeMap;

use domain::{ObjectRef, Problem, Revision, State, TaskId, TaskName, TaskStatus, access::Token};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer to a command that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The task.
    pub id: TaskId,
    /// Its name.
    pub name: TaskName,
    /// The command's number.
    pub revision: Revision,
    /// The state that it is in now.
    pub state: State,
    /// Where to go on.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

/// One page of a list of tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskStatus>,
    /// The cursor of the next page; `None`: this is the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// Which form of a revision to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The files as sent.
    Source,
    /// What is applied.
    Rendered,
    /// What validation said.
    Report,
}

impl Form {
    /// Its name in a query.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Rendered => "rendered",
            Self::Report => "report",
        }
    }
}

/// What a dry run says would happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// One an object; deletions last.
    #[serde(default)]
    pub objects: Vec<Change>,
    /// Errors and warnings.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// What would happen to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// `create`, `update`, `unchanged`, `replace`, `delete` or `keep`; a word of a newer server is shown as it is.
    pub change: String,
    /// The fields that would change.
    #[serde(default)]
    pub fields: Vec<FieldChange>,
}

/// One field that would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its path.
    pub field: String,
    /// The value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The value then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// A token as it is made: the only time that its secret is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// The whole token, to be put into `MAREA_TOKEN`.
    pub token: String,
    /// What is stored of it.
    #[serde(flatten)]
    pub stored: Option<Token>,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The queue that it came from.
    pub queue: String,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub time: String,
    /// Its body.
    #[serde(default)]
    pub body: String,
}
