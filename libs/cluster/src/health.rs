//! Health of objects: kstatus' rules, with our exceptions, in one table. Pure.

mod pods;
mod rules;
#[cfg(test)]
mod tests;

use domain::{Health, ObjectRef, ObjectStatus};
use jiff::Timestamp;
pub(crate) use pods::{belongs_to, trouble};
pub(crate) use rules::is_active;
use serde_json::Value;

use crate::view;

/// How an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub phase: Phase,
    pub reason: String,
    pub message: String,
}

/// kstatus' words, and what a deadline means for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// As its manifest asks.
    Current,
    /// On its way; fails at the deadline.
    InProgress,
    /// On its way, and may take as long as it takes: a `kind: Job` that runs or is suspended.
    Unbounded,
    /// It does not become current by itself.
    Failed,
}

impl Standing {
    pub(crate) fn new(phase: Phase, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { phase, reason: reason.into(), message: message.into() }
    }

    fn current(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Phase::Current, reason, message)
    }

    fn progress(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Phase::InProgress, reason, message)
    }

    fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Phase::Failed, reason, message)
    }

    /// As it is reported; `since` is the object's own time where it tells one.
    pub(crate) fn report(&self, object: &ObjectRef, live: Option<&Value>) -> ObjectStatus {
        let health = match self.phase {
            Phase::Current => Health::Healthy,
            Phase::InProgress | Phase::Unbounded => Health::Progressing,
            Phase::Failed => Health::Degraded,
        };
        let since = live.and_then(since);
        ObjectStatus {
            object: object.clone(),
            health,
            reason: self.reason.clone(),
            message: self.message.clone(),
            since,
        }
    }
}

/// The object's own last word on when its state changed.
fn since(live: &Value) -> Option<Timestamp> {
    let conditions = view::list(live, "/status/conditions").iter();
    let changed = conditions.filter_map(|c| view::text(c, "/lastTransitionTime").parse().ok()).max();
    changed.or_else(|| view::text(live, "/metadata/creationTimestamp").parse().ok())
}

/// How a live object stands, by the table, and by its pods where they say more.
pub(crate) fn assess(live: &Value, pods: &[Value]) -> Standing {
    let standing = rules::judge(live);
    if matches!(standing.phase, Phase::Current | Phase::Failed) {
        return standing;
    }
    let own = pods.iter().filter(|pod| belongs_to(pod, live));
    match own.filter_map(trouble).max_by_key(|t| t.weight) {
        Some(found) => found.over(standing),
        None => standing,
    }
}
