//! Facts as the stores keep them: in JSON.

use domain::{Fact, TaskKey};

pub(crate) fn encode(fact: &Fact) -> String {
    serde_json::to_string(fact).expect("facts have string keys and finite numbers only")
}

/// A stored fact. One that cannot be read, for example of a later version, is left out: the others still tell
/// where the task is, and its records tell the rest.
pub(crate) fn readable(key: &TaskKey, body: &str) -> Option<Fact> {
    match serde_json::from_str(body) {
        Ok(fact) => Some(fact),
        Err(error) => {
            let place = error.column();
            tracing::warn!(task.id = %key.id, tenant = %key.tenant, place, "a stored fact cannot be read and is left out");
            None
        }
    }
}
