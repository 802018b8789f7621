//! The API server's `Status` bodies: what passes, what is final, who conflicts. Pure.

use std::{fmt, time::Duration};

use serde_json::Value;

use crate::view::{int, list, text};

/// One cause inside a `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// `FieldManagerConflict`, `FieldValueInvalid`, …
    pub reason: String,
    /// The field's path.
    pub field: String,
    /// The API server's text; may repeat values.
    pub message: String,
}

/// A refusal by the API server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// `Conflict`, `Invalid`, …
    pub reason: String,
    /// The API server's text; may repeat values.
    pub message: String,
    /// Details.
    pub causes: Vec<Cause>,
    /// What it is about: the kind in `details`, for example `namespaces`.
    pub kind: String,
    retry_after_seconds: i64,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.reason, self.message)
    }
}

/// What the API server says of an apply with fields that the schema does not have, and of bytes that are
/// not base64.
const UNDECODABLE: [&str; 2] = ["failed to create typed patch object", "illegal base64 data"];

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The pause before the next try: doubled each time, half of it by chance, so that many tries spread.
pub(super) fn backoff(attempt: u32, chance: f64) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(MAX_PAUSE);
    full.mul_f64(0.5 + chance / 2.0)
}

impl Refusal {
    /// Reads a `Status`; of any other body the text is the message.
    pub(crate) fn read(code: u16, body: &Value) -> Self {
        let cause = |c: &Value| Cause {
            reason: text(c, "/reason").to_owned(),
            field: text(c, "/field").to_owned(),
            message: text(c, "/message").to_owned(),
        };
        Self {
            code,
            reason: text(body, "/reason").to_owned(),
            message: body.as_str().unwrap_or(text(body, "/message")).to_owned(),
            causes: list(body, "/details/causes").iter().map(cause).collect(),
            kind: text(body, "/details/kind").to_owned(),
            retry_after_seconds: int(body, "/details/retryAfterSeconds"),
        }
    }

    /// Whether the same request may be taken later: 408, 429, 5xx (a failing webhook is one of them),
    /// a quota, also one that others are counting at the same time. 501 says that it never will.
    pub(crate) fn passes(&self) -> bool {
        match self.code {
            408 | 429 => true,
            501 => false,
            // What cannot be decoded is a 500 that never passes.
            500 if UNDECODABLE.iter().any(|text| self.message.contains(text)) => false,
            403 => self.message.contains("exceeded quota"),
            // Creations at once in a namespace update the same count; the API server tries thrice, then gives up on one.
            409 => self.kind == "resourcequotas",
            code => code >= 500,
        }
    }

    /// Whether an admission webhook did not answer: then nothing was written.
    pub(super) fn by_webhook(&self) -> bool {
        self.message.contains("failed calling webhook")
    }

    /// How long the API server asked to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        u64::try_from(self.retry_after_seconds).ok().filter(|s| *s > 0).map(|s| Duration::from_secs(s.min(5)))
    }

    /// A 409 that names no manager: the object was changed, made or deleted meanwhile.
    pub(crate) fn is_race(&self) -> bool {
        self.code == 409 && !self.is_conflict()
    }

    /// A 409 between field managers.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code == 409 && self.causes.iter().any(|c| c.reason == "FieldManagerConflict")
    }

    /// The conflicting managers and their fields: a cause's message is `conflict with "kubectl" using v1`.
    pub(crate) fn conflicts(&self) -> impl Iterator<Item = (&str, &str)> {
        let conflicts = self.causes.iter().filter(|c| c.reason == "FieldManagerConflict");
        conflicts.map(|c| (c.message.split('"').nth(1).unwrap_or_default(), c.field.as_str()))
    }

    /// Whether every conflicting manager is one of this task's: only then may the conflict be forced.
    pub(crate) fn only_with(&self, manager: &str) -> bool {
        self.is_conflict()
            && self.conflicts().all(|(other, _)| other == manager || other.strip_prefix(manager) == Some("-state"))
    }

    /// Whether the namespace is not there.
    pub(crate) fn lacks_namespace(&self) -> bool {
        self.code == 404 && self.kind == "namespaces"
    }

    /// Whether the namespace is on its way out.
    pub(crate) fn namespace_terminates(&self) -> bool {
        self.code == 403 && self.causes.iter().any(|c| c.reason == "NamespaceTerminating")
    }
}
