//! A status as it is sent.

use bytes::Bytes;
use domain::{State, TaskStatus};
use jiff::Timestamp;

/// A task's status in JSON, and what must be known of it to send it.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The status, in JSON.
    pub json: Bytes,
    /// Its version.
    pub version: u64,
    /// Its state.
    pub state: State,
    /// When the last fact happened.
    pub updated: Timestamp,
}

impl Rendered {
    /// A status in JSON.
    pub fn of(status: &TaskStatus) -> Self {
        let json = serde_json::to_vec(status).expect("a status has string keys and finite numbers only");
        // As large as its text: it may stay in memory for long.
        let json = Bytes::from(json.into_boxed_slice());
        let TaskStatus { version, state, updated, .. } = *status;
        Self { json, version, state, updated }
    }
}
