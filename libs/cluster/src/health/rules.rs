//! The table of rules.

use serde_json::Value;

use super::{Phase, Standing, pods};
use crate::{
    jobs,
    task::WAIT_ANNOTATION,
    view::{annotation, condition, int, is_terminating, is_true, text},
};

type Rule = fn(&Value) -> Standing;

/// Kinds whose health is more than that the API server took them. All others of the kinds that a task
/// may hold count once accepted; kstatus differs for PVC (waits until bound, which one that waits for
/// its first consumer never is before its pod) and Job (counts once it has started).
static TABLE: [(&str, Rule); 5] = [
    ("Deployment", deployment),
    ("StatefulSet", stateful_set),
    ("Pod", pod),
    ("Job", job),
    ("PersistentVolumeClaim", claim),
];

/// Whether a kind's health can change after it was accepted.
pub(crate) fn is_active(kind: &str) -> bool {
    TABLE.iter().any(|(active, _)| *active == kind)
}

pub(super) fn judge(live: &Value) -> Standing {
    if is_terminating(live) {
        return Standing::progress("Terminating", "is being deleted");
    }
    let kind = text(live, "/kind");
    TABLE.iter().find(|(active, _)| *active == kind).map_or_else(accepted, |(_, rule)| rule(live))
}

fn accepted() -> Standing {
    Standing::current("", "applied")
}

/// Whether the controller has seen the newest spec.
fn is_observed(live: &Value) -> bool {
    int(live, "/status/observedGeneration") >= int(live, "/metadata/generation")
}

fn wanted(live: &Value) -> i64 {
    live.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

fn ready(live: &Value) -> String {
    format!("ready {}/{}", int(live, "/status/readyReplicas"), wanted(live))
}

fn deployment(live: &Value) -> Standing {
    let status = |field: &str| int(live, &format!("/status/{field}"));
    let (wanted, updated) = (wanted(live), status("updatedReplicas"));
    if !is_observed(live) {
        return Standing::progress("", ready(live));
    }
    let progressing = condition(live, "Progressing");
    if progressing.is_some_and(|c| c["reason"] == "ProgressDeadlineExceeded") {
        return Standing::failed(
            "ProgressDeadlineExceeded",
            format!("{}: no progress within its own deadline", ready(live)),
        );
    }
    if status("replicas") > updated {
        return Standing::progress("", format!("{}, {} old to go", ready(live), status("replicas") - updated));
    }
    let whole = updated >= wanted && status("availableReplicas") >= wanted && status("readyReplicas") >= wanted;
    let available = wanted == 0 || is_true(condition(live, "Available"));
    if whole && available { Standing::current("", ready(live)) } else { Standing::progress("", ready(live)) }
}

fn stateful_set(live: &Value) -> Standing {
    let status = |field: &str| int(live, &format!("/status/{field}"));
    let wanted = wanted(live);
    if text(live, "/spec/updateStrategy/type") == "OnDelete" {
        return Standing::current("", ready(live));
    }
    if !is_observed(live) || status("readyReplicas") < wanted || status("replicas") != wanted {
        return Standing::progress("", ready(live));
    }
    let partition = int(live, "/spec/updateStrategy/rollingUpdate/partition");
    let updated = match partition {
        0 => text(live, "/status/currentRevision") == text(live, "/status/updateRevision"),
        partition => status("updatedReplicas") >= wanted - partition,
    };
    if updated {
        Standing::current("", ready(live))
    } else {
        Standing::progress("", format!("{}, rolling", ready(live)))
    }
}

fn pod(live: &Value) -> Standing {
    match text(live, "/status/phase") {
        "Succeeded" => Standing::current("Completed", "complete"),
        "Failed" => Standing::failed(pods::failure(live), "failed"),
        "Running" if is_true(condition(live, "Ready")) => Standing::current("", "ready"),
        "Running" => Standing::progress("", "runs, not ready"),
        _ => Standing::progress("", "pending"),
    }
}

fn job(live: &Value) -> Standing {
    match jobs::ended(live) {
        Some(true) => return Standing::current("Complete", "complete"),
        Some(false) => {
            let failed = condition(live, "Failed").unwrap_or(&Value::Null);
            return Standing::failed(text(failed, "/reason"), format!("failed: {}", text(failed, "/message")));
        }
        None => {}
    }
    let (active, done) = (int(live, "/status/active"), int(live, "/status/succeeded"));
    if live["spec"]["suspend"] == true {
        return Standing::new(Phase::Unbounded, "Suspended", "suspended");
    }
    if active + done > 0 && annotation(live, WAIT_ANNOTATION) == "started" {
        return Standing::current("Started", "started");
    }
    match (active, done) {
        (0, 0) if int(live, "/status/failed") == 0 => Standing::progress("", "starts"),
        (0, 0) => {
            Standing::new(Phase::Unbounded, "Retrying", format!("{} failed, tries again", int(live, "/status/failed")))
        }
        (_, 0) => Standing::new(Phase::Unbounded, "Running", format!("{active} running")),
        _ => Standing::new(Phase::Unbounded, "Running", format!("{active} running, {done} succeeded")),
    }
}

fn claim(live: &Value) -> Standing {
    match text(live, "/status/phase") {
        "Bound" => Standing::current("Bound", "bound"),
        "Lost" => Standing::failed("Lost", "the volume that it was bound to is gone"),
        _ => Standing::current("", "applied; bound when a pod first uses it"),
    }
}
