//! When a `kind: Job` is applied, left alone, made anew, or refused. Pure.

use domain::record::FinishedJob;
use serde_json::Value;

use crate::{
    desired::Desired,
    memory::Job,
    task::{REPLACE_ANNOTATION, SPEC_HASH_ANNOTATION},
    view,
};

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
    /// It runs with another spec.
    Refuse,
}

/// How a live Job ended: `Some(complete)`; none while it runs.
pub(crate) fn ended(live: &Value) -> Option<bool> {
    let has = |kind| view::is_true(view::condition(live, kind));
    has("Complete").then_some(true).or(has("Failed").then_some(false))
}

/// Decides from the live object (whole) and from what is remembered of an earlier one.
pub(crate) fn decide(desired: &Desired, live: Option<&Value>, remembered: Option<&Job>) -> Step {
    let hash = desired.spec_hash();
    let Some(live) = live else {
        // It ran and is gone, by its TTL or by hand.
        return if remembered.is_some_and(|job| job.spec_hash == hash) { Step::Leave } else { Step::Apply };
    };
    let same = view::annotation(live, SPEC_HASH_ANNOTATION) == hash;
    let replace = || Step::Replace { uid: view::text(live, "/metadata/uid").to_owned() };
    match (same, ended(live)) {
        (true, Some(_)) => Step::Leave,
        (true, None) => Step::Apply,
        (false, Some(_)) => replace(),
        (false, None) if view::annotation(&desired.manifest, REPLACE_ANNOTATION) == "true" => replace(),
        (false, None) => Step::Refuse,
    }
}

/// The record of a Job that ended, from what is remembered of it.
pub(crate) fn finished(job: &Job) -> Option<FinishedJob> {
    let complete = job.complete?;
    Some(FinishedJob { uid: job.uid.clone(), spec_hash: job.spec_hash.clone(), complete })
}
