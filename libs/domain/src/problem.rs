//! Problems: what is wrong with an input, where, and what to change.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much a [`Problem`] weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input is refused.
    #[default]
    Error,
    /// The input is accepted; something was dropped, defaulted or may surprise.
    Warning,
}

/// One thing that is wrong, with its place and what to change. Never carries a value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Problem {
    /// Whether the input is refused for it.
    pub severity: Severity,
    /// The file as it was sent; empty where the problem is not in a file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Line from 1; 0 where unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u32,
    /// Column from 1, in characters; 0 where unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub column: u32,
    /// The object as `Kind/name`; empty where it is not about one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The field's path, for example `spec.template.spec.containers[0].image`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// A stable `snake_case` word for programs.
    pub code: String,
    /// A sentence for a person: what was expected and what to change.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Problem {
    /// An error with a code and a message, and no place yet.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), ..Self::default() }
    }

    /// A warning with a code and a message, and no place yet.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same problem, about this object (`Kind/name`).
    #[must_use]
    pub fn on(mut self, object: impl fmt::Display) -> Self {
        self.object = object.to_string();
        self
    }

    /// The same problem, at this field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Whether the input is refused for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `file:line:column: error: object: field: message [code]`, as compilers write it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => {}
            (false, 0) => write!(f, "{}: ", self.file)?,
            (false, line) if self.column == 0 => write!(f, "{}:{line}: ", self.file)?,
            (false, line) => write!(f, "{}:{line}:{}: ", self.file, self.column)?,
        }
        f.write_str(if self.is_error() { "error: " } else { "warning: " })?;
        for part in [&self.object, &self.field] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}
