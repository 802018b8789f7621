//! Ids and names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// Why a name or id was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{value}` is not valid: {expected}")]
pub struct Invalid {
    what: &'static str,
    value: String,
    expected: &'static str,
}

/// The id of a task: a UUID of version 7, so that ids sort by the time of their making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct TaskId(Uuid);

impl TaskId {
    /// A new id, of now.
    #[expect(clippy::new_without_default, reason = "every call gives another id")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as a UUID.
    pub fn uuid(&self) -> Uuid {
        self.0
    }

    /// The last twelve hexadecimal digits: random, enough for a person to name a task by.
    pub fn suffix(&self) -> String {
        self.0.as_simple().to_string().split_off(20)
    }
}

impl From<Uuid> for TaskId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TaskId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid =
            || Invalid { what: "task id", value: text.chars().take(64).collect(), expected: "expected a UUID" };
        // Only the hyphenated form: one task has one spelling in paths and logs.
        match Uuid::try_parse(text) {
            Ok(id) if text.len() == 36 => Ok(Self(id)),
            _ => Err(invalid()),
        }
    }
}

/// One numbered command of a task, from 1.
pub type Revision = u32;

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, ToSchema)]
        #[serde(try_from = "String")]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let expected = concat!(
                    "expected 1 to ", stringify!($max),
                    " lower case letters, digits and inner hyphens, beginning with a letter"
                );
                if is_label(text, $max) {
                    return Ok(Self(text.to_owned()));
                }
                Err(Invalid { what: $what, value: text.chars().take(64).collect(), expected })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

label!(
    /// The name of a tenant: an RFC 1035 label, so that it can stand in keys, labels and metrics.
    TenantName, "tenant", 40
);
label!(
    /// The name of a task, unique among the tenant's tasks that are not rolled back: an RFC 1035 label.
    TaskName, "task name", 52
);

/// An RFC 1035 label of at most `max` bytes.
fn is_label(text: &str, max: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= max
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(inner)
}

impl TaskName {
    /// A name made of any text, for example a folder's: what a label cannot hold becomes a hyphen.
    /// `None` where nothing is left.
    pub fn from_text(text: &str) -> Option<Self> {
        let mapped =
            text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
        let trimmed = mapped.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let cut = trimmed.get(..trimmed.len().min(52))?.trim_end_matches('-');
        cut.parse().ok()
    }

    /// The name of a task that was sent without one.
    pub fn generated(id: TaskId) -> Self {
        Self(format!("task-{}", id.suffix()))
    }
}

/// What tells one task from every other: its tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// The tenant that owns the task.
    pub tenant: TenantName,
    /// The task's id.
    pub id: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.id)
    }
}
