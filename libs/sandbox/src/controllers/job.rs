//! `kind: Job`.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    MANAGER, Plan, View, deletion, garbage, holds, is_terminating, new_condition, pods, time, without_finalizer,
};
use crate::{
    api::{Call, Deletion, Propagation, Verb, seconds},
    json::{at, flag, int, items, map, place, put, text},
    store::Key,
};

const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const ENDING: [&str; 2] = ["SuccessCriteriaMet", "FailureTarget"];
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// What became of a Job's pods.
struct Tally<'a> {
    active: Vec<(&'a Key, &'a Arc<Value>)>,
    /// Pods that ended and are counted here for the first time.
    ended: Vec<(&'a Key, &'a Arc<Value>)>,
    succeeded: i64,
    failed: i64,
    indexes: BTreeSet<i64>,
    last_failure: Option<Timestamp>,
}

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    if is_terminating(object) {
        free(view, &mut plan, object);
        return plan;
    }
    if holds(object, "Complete") || holds(object, "Failed") {
        free(view, &mut plan, object);
        expire(view, &mut plan, key, object);
        return plan;
    }
    let tally = tally(view, object);
    let mut status = counts(view, object, &tally);
    if flag(object, "spec.suspend") || ENDING.iter().any(|kind| holds(object, kind)) {
        free(view, &mut plan, object);
    }
    if let Some((kind, reason, message)) = end(view, object, &tally) {
        finish(view, &mut plan, object, &tally, (kind, reason, message), &mut status);
    } else {
        go_on(view, &mut plan, (key, object), &tally, &mut status);
    }
    plan.status(key, object, status);
    for (key, pod) in &tally.ended {
        plan.calls.extend(without_finalizer(key, &garbage::unmanaged(Value::clone(pod)), TRACKING));
    }
    plan
}

/// Lets the pods of a Job that is over or deleted go.
fn free(view: View, plan: &mut Plan, object: &Value) {
    for (key, pod) in view.controlled("Pod", text(object, "metadata.uid")) {
        let counted = holds(object, "Complete") || holds(object, "Failed");
        if is_terminating(pod) || is_terminating(object) || (counted && pods::is_over(pod)) {
            plan.calls.extend(without_finalizer(key, pod, TRACKING));
        }
    }
}

/// A finished Job goes when its time to live is over.
fn expire(view: View, plan: &mut Plan, key: &Key, object: &Value) {
    let ended = items(object, "status.conditions").iter().filter_map(|c| time(c, "lastTransitionTime")).max();
    let Some((ttl, ended)) = at(object, "spec.ttlSecondsAfterFinished").as_i64().zip(ended) else { return };
    let due = ended + SignedDuration::from_secs(ttl);
    if due > view.now() {
        return plan.again(due);
    }
    let deletion = Deletion::of(text(object, "metadata.uid"), Propagation::Foreground);
    plan.call(Call::new(Verb::Delete(deletion), key, MANAGER));
}

fn index(pod: &Value) -> Option<i64> {
    at(pod, "metadata.annotations").get(INDEX)?.as_str()?.parse().ok()
}

fn tally<'a>(view: View<'a>, object: &Value) -> Tally<'a> {
    let all = view.controlled("Pod", text(object, "metadata.uid"));
    let tracked = |pod: &Value| items(pod, "metadata.finalizers").iter().any(|f| f == TRACKING);
    // A pod that is deleted before it ended counts as failed once it is tracked no more.
    // Pods that the Job itself gives up are no failures.
    let given_up = flag(object, "spec.suspend") || ENDING.iter().any(|kind| holds(object, kind));
    let over = |pod: &Value| pods::is_over(pod) || (is_terminating(pod) && !given_up);
    let ended: Vec<_> = all.iter().filter(|(_, pod)| over(pod) && tracked(pod)).copied().collect();
    let succeeded = |pod: &Value| text(pod, "status.phase") == "Succeeded";
    let finished = |pod: &Value| {
        let statuses = items(pod, "status.containerStatuses").iter();
        statuses.filter_map(|s| time(s, "state.terminated.finishedAt")).max()
    };
    let failures = all.iter().filter(|(_, pod)| over(pod) && !succeeded(pod));
    let mut indexes: BTreeSet<i64> = parse_indexes(text(object, "status.completedIndexes"));
    indexes.extend(ended.iter().filter(|(_, pod)| succeeded(pod)).filter_map(|(_, pod)| index(pod)));
    Tally {
        active: all.iter().filter(|(_, pod)| pods::is_active(pod)).copied().collect(),
        succeeded: int(object, "status.succeeded", 0) + pods::count(&ended, succeeded),
        failed: int(object, "status.failed", 0) + pods::count(&ended, |pod| !succeeded(pod)),
        last_failure: failures.filter_map(|(_, pod)| finished(pod)).max(),
        indexes,
        ended,
    }
}

fn parse_indexes(text: &str) -> BTreeSet<i64> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<i64>> {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse().ok()?..=to.parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

fn print_indexes(indexes: &BTreeSet<i64>) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *index => *end = *index,
            _ => ranges.push((*index, *index)),
        }
    }
    let print = |(from, to): &(i64, i64)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    ranges.iter().map(print).collect::<Vec<_>>().join(",")
}

fn counts(view: View, object: &Value, tally: &Tally) -> Value {
    let mut status = json!({"uncountedTerminatedPods": {}, "terminating": 0});
    let started = text(object, "status.startTime");
    if !flag(object, "spec.suspend") {
        let start = if started.is_empty() { seconds(view.now()) } else { started.to_owned() };
        status["startTime"] = start.into();
    }
    let numbers = [
        ("active", i64::try_from(tally.active.len()).unwrap_or(0)),
        ("succeeded", tally.succeeded),
        ("failed", tally.failed),
    ];
    for (field, number) in numbers.into_iter().filter(|(_, n)| *n > 0) {
        status[field] = number.into();
    }
    status["ready"] = pods::count(&tally.active, pods::is_ready).into();
    if text(object, "spec.completionMode") == "Indexed" && !tally.indexes.is_empty() {
        status["completedIndexes"] = print_indexes(&tally.indexes).into();
    }
    let held: Vec<Value> = items(object, "status.conditions").to_vec();
    if !held.is_empty() {
        status["conditions"] = held.into();
    }
    status
}

/// Whether the Job is over, and how.
fn end(view: View, object: &Value, tally: &Tally) -> Option<(&'static str, &'static str, &'static str)> {
    let restarts: i64 = tally
        .active
        .iter()
        .flat_map(|(_, pod)| items(pod, "status.containerStatuses"))
        .map(|s| int(s, "restartCount", 0))
        .sum();
    let limit = int(object, "spec.backoffLimit", 6);
    let completions = at(object, "spec.completions").as_i64();
    let succeeded = match completions {
        Some(wanted) if text(object, "spec.completionMode") == "Indexed" => {
            i64::try_from(tally.indexes.len()).is_ok_and(|n| n >= wanted)
        }
        Some(wanted) => tally.succeeded >= wanted,
        None => tally.succeeded > 0 && tally.active.is_empty(),
    };
    let deadline = at(object, "spec.activeDeadlineSeconds").as_i64().zip(time(object, "status.startTime"));
    let late = deadline.is_some_and(|(s, start)| start + SignedDuration::from_secs(s) <= view.now());
    match () {
        () if succeeded => Some(("Complete", "CompletionsReached", "Reached expected number of succeeded pods")),
        () if tally.failed > limit || (restarts > limit && limit > 0) => {
            Some(("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
        }
        () if late && !flag(object, "spec.suspend") => {
            Some(("Failed", "DeadlineExceeded", "Job was active longer than specified deadline"))
        }
        () => None,
    }
}

/// First the interim condition, while pods are still there, then the final one.
fn finish(
    view: View,
    plan: &mut Plan,
    object: &Value,
    tally: &Tally,
    (kind, reason, message): (&str, &str, &str),
    status: &mut Value,
) {
    let interim = if kind == "Complete" { "SuccessCriteriaMet" } else { "FailureTarget" };
    let mut conditions: Vec<Value> = items(object, "status.conditions").to_vec();
    let mut set = |kind: &str| {
        conditions.retain(|c| text(c, "type") != kind);
        let mut condition = new_condition(object, kind, "True", (reason, message), view.now());
        condition["lastProbeTime"] = condition["lastTransitionTime"].clone();
        conditions.push(condition);
    };
    set(interim);
    let rest = tally.active.iter().filter(|(_, pod)| !is_terminating(pod));
    let rest: Vec<Call> = rest.map(|(key, pod)| deletion(key, pod)).collect();
    let done = rest.is_empty();
    plan.calls.extend(rest);
    if done {
        set(kind);
        if kind == "Complete" {
            status["completionTime"] = seconds(view.now()).into();
        }
    }
    status["conditions"] = conditions.into();
}

fn go_on(view: View, plan: &mut Plan, owner: (&Key, &Value), tally: &Tally, status: &mut Value) {
    let object = owner.1;
    let suspended = flag(object, "spec.suspend");
    if suspended || super::condition(object, "Suspended").is_some() {
        let (value, reason, message) =
            if suspended { ("True", "JobSuspended", "Job suspended") } else { ("False", "JobResumed", "Job resumed") };
        let mut condition = new_condition(object, "Suspended", value, (reason, message), view.now());
        condition["lastProbeTime"] = condition["lastTransitionTime"].clone();
        let mut conditions: Vec<Value> = items(object, "status.conditions").to_vec();
        conditions.retain(|c| text(c, "type") != "Suspended");
        conditions.push(condition);
        status["conditions"] = conditions.into();
    }
    if suspended {
        plan.calls.extend(tally.active.iter().map(|(key, pod)| deletion(key, pod)));
        return;
    }
    if let Some(seconds) = at(object, "spec.activeDeadlineSeconds").as_i64() {
        let start = time(object, "status.startTime").unwrap_or(view.now());
        plan.again(start + SignedDuration::from_secs(seconds));
    }
    // Failed pods are replaced after 10 s, 20 s, 40 s and so on, up to 10 min.
    let doubled = u32::try_from(tally.failed.clamp(1, 7) - 1).unwrap_or(0);
    let wait = SignedDuration::from_secs((10 * 2_i64.pow(doubled)).min(600));
    if let Some(due) = tally.last_failure.map(|t| t + wait).filter(|due| tally.failed > 0 && *due > view.now()) {
        return plan.again(due);
    }
    make(view, plan, owner, tally);
}

fn make(view: View, plan: &mut Plan, owner: (&Key, &Value), tally: &Tally) {
    let (key, object) = owner;
    let left = at(object, "spec.completions").as_i64().map_or(i64::MAX, |c| c - tally.succeeded);
    let left = if at(object, "spec.completions").is_null() && tally.succeeded > 0 { 0 } else { left };
    let active = i64::try_from(tally.active.len()).unwrap_or(0);
    let missing = int(object, "spec.parallelism", 1).min(left) - active;
    let indexed = text(object, "spec.completionMode") == "Indexed";
    let taken: BTreeSet<i64> = tally.active.iter().filter_map(|(_, pod)| index(pod)).collect();
    let completions = int(object, "spec.completions", 0);
    let mut free = (0..completions).filter(|i| !taken.contains(i) && !tally.indexes.contains(i));
    for nth in 0..missing.max(0) {
        let mut template = at(object, "spec.template").clone();
        put(&mut template, "metadata.finalizers", json!([TRACKING]));
        let mut name = format!("{}-", key.name);
        if indexed {
            let Some(index) = free.next() else { return };
            name = format!("{name}{index}-");
            for field in ["metadata.annotations", "metadata.labels"] {
                map(place(&mut template, field)).insert(INDEX.to_owned(), index.to_string().into());
            }
        }
        plan.call(pods::create(view, owner, &template, &name, usize::try_from(nth).unwrap_or(0)));
    }
}
