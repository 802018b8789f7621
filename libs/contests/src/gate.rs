//! Whether a contest takes ballots: its window, and what people commanded since.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether ballots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not yet, but they will be.
    Upcoming,
    /// Yes.
    Open,
    /// No.
    Closed,
}

/// One command: to open or to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Whether ballots are taken from then on.
    pub open: bool,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What people commanded, by time. Stored at `_contests/<name>/gate`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The commands in force and to come, by time.
    pub steps: Vec<Step>,
}
