//! When a `kind: Job` is applied, left alone, made anew, or refused. Pure.

use domain::record::FinishedJob;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{desired::Desired, memory::Job, task::SPEC_HASH_ANNOTATION, view};

/// What to do with a `kind: Job`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Apply,
    /// It ran at this very spec: never again.
    Leave,
    /// Delete that one, then apply.
    Replace {
        uid: String,
    },
    /// Another spec's Job stands in the place of one that ran: delete it, apply nothing.
    Remove {
        uid: String,
    },
    /// It runs with another spec.
    Refuse,
}

/// How a live Job ended: `Some(complete)`; none while it runs.
pub(crate) fn ended(live: &Value) -> Option<bool> {
    let has = |kind| view::is_true(view::condition(live, kind));
    has("Complete").then_some(true).or(has("Failed").then_some(false))
}

/// Decides from the live object (whole) and from what is remembered of one that was made of this spec.
pub(crate) fn decide(desired: &Desired, live: Option<&Value>, remembered: Option<&Job>) -> Step {
    let Some(live) = live else {
        // It ran and is gone, by its TTL or by hand.
        return if remembered.is_some() { Step::Leave } else { Step::Apply };
    };
    let same = view::annotation(live, SPEC_HASH_ANNOTATION) == desired.spec_hash();
    let uid = || view::text(live, "/metadata/uid").to_owned();
    let replace = || Step::Replace { uid: uid() };
    match (same, ended(live)) {
        (true, Some(_)) => Step::Leave,
        (true, None) => Step::Apply,
        // A revert to a revision whose Job ran.
        (false, _) if remembered.is_some() => Step::Remove { uid: uid() },
        (false, Some(_)) => replace(),
        (false, None) if desired.may_be_replaced() => replace(),
        (false, None) => Step::Refuse,
    }
}

/// How a Job ended, as the reason of an event about it tells: `Some(complete)`.
pub(crate) fn ending_told(reason: &str) -> Option<bool> {
    match reason {
        "Completed" => Some(true),
        "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy" => Some(false),
        _ => None,
    }
}

/// How far the clocks of two replicas may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_secs(10);

/// Whether a Job that was about to be made then, and is not there, may have run: it may have ended at once and
/// been removed by its TTL (in seconds). Before that its absence shows that it was never made.
pub(crate) fn may_have_run(begun: Timestamp, ttl: u64, now: Timestamp) -> bool {
    let stays = SignedDuration::from_secs(i64::try_from(ttl).unwrap_or(i64::MAX));
    now.duration_since(begun).saturating_add(CLOCKS) >= stays
}

/// The record of a Job that ended, from what is remembered of it.
pub(crate) fn finished(job: &Job, spec_hash: String) -> Option<FinishedJob> {
    Some(FinishedJob { uid: job.uid.clone(), spec_hash, complete: job.complete? })
}
