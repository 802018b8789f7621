//! Why a call was not answered as asked.

use std::{error::Error as StdError, fmt, time::Duration};

use domain::Problem;
use serde::{Deserialize, Serialize};

use crate::Rejected;

/// Ballots that an error names one by one.
const SHOWN: usize = 20;

/// Why a call was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one.
    #[error("`{server}` is not a server's address: {reason}")]
    Server {
        /// The address as given.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was given as an id or a name cannot be one.
    #[error("`{name}` is not an id or a name")]
    Name {
        /// What was given.
        name: String,
    },
    /// The token cannot be sent. It is not repeated.
    #[error("the token holds a space, a line break or another character that no token has")]
    Token,
    /// No connection, or it was lost.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server answered with an error.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The server's answer is not what this client knows.
    #[error("the server's answer to {path} is not as expected, is it of another version? {reason}")]
    Unexpected {
        /// The path that was asked for.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// An error as the server told it: RFC 9457, with every problem.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The kind of error, as a URI or a word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of error for a person.
    pub title: String,
    /// What happened this time.
    pub detail: String,
    /// The task that it is about, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong with the input.
    pub errors: Vec<Problem>,
    /// The ballots that are not good, where it is about ballots.
    #[serde(skip)]
    pub rejected: Vec<Rejected>,
    /// When to try again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.title.is_empty(), self.detail.is_empty()) {
            (_, false) => f.write_str(&self.detail)?,
            (false, true) => f.write_str(&self.title)?,
            (true, true) => write!(f, "the server answered {}", self.status)?,
        }
        // A problem of the request as a whole says what the detail says already.
        let new = |problem: &&Problem| !problem.file.is_empty() || !self.detail.ends_with(&problem.message);
        self.errors.iter().filter(new).try_for_each(|problem| write!(f, "\n{problem}"))?;
        self.rejected.iter().take(SHOWN).try_for_each(|ballot| write!(f, "\n{ballot}"))
    }
}

impl Error {
    /// The HTTP status that the server answered with.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => matches!(refusal.status, 429 | 502 | 503 | 504),
            Self::Server { .. } | Self::Name { .. } | Self::Token | Self::Unexpected { .. } => false,
        }
    }
}

/// An error with its causes in one line, and without its URL, which stands elsewhere.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut last: Option<&dyn StdError> = error.source();
    let mut text = error.to_string();
    while let Some(cause) = last {
        text = cause.to_string();
        last = cause.source();
    }
    text
}
