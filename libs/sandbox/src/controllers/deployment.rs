//! Deployments: a ReplicaSet for each template, scaled against each other.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{MANAGER, Plan, View, controller_reference, deletion, is_terminating, new_condition, pods, time};
use crate::{
    api::{Call, Verb, seconds},
    json::{at, flag, int, map, place, put, remove, text},
    resource::of_kind,
    store::Key,
};

const HASH: &str = "pod-template-hash";
const LATE: &str = "ProgressDeadlineExceeded";
const REVISION: &str = "deployment.kubernetes.io/revision";

type Sets<'a> = Vec<(&'a Key, &'a Arc<Value>)>;

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    if is_terminating(object) {
        return plan;
    }
    let sets = view.controlled("ReplicaSet", text(object, "metadata.uid"));
    let newest = sets.iter().find(|(_, set)| same_template(object, set)).copied();
    let old: Sets = sets.iter().filter(|(k, _)| newest.is_none_or(|(n, _)| n != *k)).copied().collect();
    if !flag(object, "spec.paused") {
        match newest {
            None => plan.call(create(key, object, &sets)),
            Some(newest) => scale(&mut plan, object, newest, &old),
        }
        clean_up(&mut plan, object, &old);
    }
    let revision = newest.map(|(_, set)| annotation(set, REVISION).to_owned());
    if let Some(revision) = revision.filter(|r| annotation(object, REVISION) != r) {
        let mut new = object.clone();
        map(place(&mut new, "metadata.annotations")).insert(REVISION.to_owned(), revision.into());
        plan.call(Call::new(Verb::Update, key, MANAGER).body(new).subresource("status"));
        return plan;
    }
    status(view, &mut plan, key, object, newest, &sets);
    plan
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    at(object, "metadata.annotations").get(name).and_then(Value::as_str).unwrap_or_default()
}

fn same_template(object: &Value, set: &Value) -> bool {
    let mut template = at(set, "spec.template").clone();
    if let Some(labels) = place(&mut template, "metadata.labels").as_object_mut() {
        labels.remove(HASH);
    }
    &template == at(object, "spec.template")
}

fn create(key: &Key, object: &Value, sets: &Sets) -> Call {
    let template = at(object, "spec.template").clone();
    let hash = pods::hash(&template);
    let name = format!("{}-{hash}", key.name);
    let revisions = sets.iter().filter_map(|(_, set)| annotation(set, REVISION).parse::<u64>().ok());
    let revision = revisions.max().unwrap_or(0) + 1;
    let mut set = json!({
        "metadata": {
            "name": name, "annotations": {REVISION: revision.to_string()},
            "ownerReferences": controller_reference(key, object),
        },
        "spec": {"replicas": 0, "selector": at(object, "spec.selector"), "template": template},
    });
    let (total, wanted) = (total(sets), int(object, "spec.replicas", 1));
    let first = if recreates(object) && total > 0 { 0 } else { (wanted + surge(object) - total).clamp(0, wanted) };
    put(&mut set, "spec.replicas", first);
    for labels in ["spec.selector.matchLabels", "spec.template.metadata.labels"] {
        map(place(&mut set, labels)).insert(HASH.to_owned(), hash.clone().into());
    }
    let labels = at(&set, "spec.template.metadata.labels").clone();
    put(&mut set, "metadata.labels", labels);
    Call::new(Verb::Create, &Key::new(of_kind("ReplicaSet"), &key.namespace, &name), MANAGER).body(set)
}

fn recreates(object: &Value) -> bool {
    text(object, "spec.strategy.type") == "Recreate"
}

fn surge(object: &Value) -> i64 {
    let wanted = int(object, "spec.replicas", 1);
    if recreates(object) { 0 } else { pods::share(at(object, "spec.strategy.rollingUpdate.maxSurge"), wanted, true) }
}

fn unavailable(object: &Value) -> i64 {
    let wanted = int(object, "spec.replicas", 1);
    let most = pods::share(at(object, "spec.strategy.rollingUpdate.maxUnavailable"), wanted, false);
    // Both round to zero for few replicas: then one may be missing.
    if most == 0 && surge(object) == 0 { 1 } else { most.min(wanted) }
}

fn total(sets: &Sets) -> i64 {
    sets.iter().map(|(_, set)| int(set, "spec.replicas", 0)).sum()
}

fn scale(plan: &mut Plan, object: &Value, (key, newest): (&Key, &Arc<Value>), old: &Sets) {
    let wanted = int(object, "spec.replicas", 1);
    let (now, others) = (int(newest, "spec.replicas", 0), total(old));
    let alive: i64 = old.iter().map(|(_, set)| int(set, "status.replicas", 0)).sum();
    let target = match () {
        () if recreates(object) && others + alive > 0 => now,
        () if now > wanted => wanted,
        () => (wanted + surge(object) - others).clamp(now, wanted.max(now)),
    };
    resize(plan, key, newest, target);
    let ready: i64 = old.iter().map(|(_, set)| int(set, "status.availableReplicas", 0)).sum();
    let ready = ready + int(newest, "status.availableReplicas", 0);
    let mut spare = if recreates(object) { others } else { ready - (wanted - unavailable(object)) };
    for (key, set) in old {
        let (size, available) = (int(set, "spec.replicas", 0), int(set, "status.availableReplicas", 0));
        // Pods that are not available cost nothing.
        let broken = (size - available).max(0);
        let drop = (broken + spare.max(0)).min(size);
        spare -= (drop - broken).max(0);
        resize(plan, key, set, size - drop);
    }
}

fn resize(plan: &mut Plan, key: &Key, set: &Arc<Value>, size: i64) {
    if int(set, "spec.replicas", 0) != size {
        let mut new = Value::clone(set);
        put(&mut new, "spec.replicas", size);
        plan.call(Call::new(Verb::Update, key, MANAGER).body(new));
    }
}

fn clean_up(plan: &mut Plan, object: &Value, old: &Sets) {
    let keep = usize::try_from(int(object, "spec.revisionHistoryLimit", 10)).unwrap_or(0);
    let idle = |set: &Value| int(set, "spec.replicas", 0) == 0 && int(set, "status.replicas", 0) == 0;
    let mut idle: Sets = old.iter().filter(|(_, set)| idle(set) && !is_terminating(set)).copied().collect();
    idle.sort_by_key(|(_, set)| annotation(set, REVISION).parse::<u64>().unwrap_or(0));
    let surplus = idle.len().saturating_sub(keep);
    idle.iter().take(surplus).for_each(|(key, set)| plan.call(deletion(key, set)));
}

fn status(view: View, plan: &mut Plan, key: &Key, object: &Value, newest: Option<(&Key, &Arc<Value>)>, sets: &Sets) {
    let sum = |field: &str| -> i64 { sets.iter().map(|(_, set)| int(set, field, 0)).sum() };
    let wanted = int(object, "spec.replicas", 1);
    let (all, ready) = (sum("status.replicas"), sum("status.readyReplicas"));
    let available = sum("status.availableReplicas");
    let updated = newest.map_or(0, |(_, set)| int(set, "status.replicas", 0));
    let mut status = json!({"observedGeneration": int(object, "metadata.generation", 1)});
    let missing = (sum("spec.replicas").max(wanted) - available).max(0);
    let numbers = [
        ("replicas", all),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", missing),
    ];
    for (field, number) in numbers.into_iter().filter(|(_, n)| *n > 0) {
        status[field] = number.into();
    }
    let done = updated == wanted && all == wanted && available == wanted;
    let enough = available >= wanted - unavailable(object).min(wanted);
    let progressing = progress(view, plan, object, newest, (done, &status));
    status["conditions"] = json!([availability(view, object, enough), progressing]);
    plan.status(key, object, status);
}

fn availability(view: View, object: &Value, enough: bool) -> Value {
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let mut condition = new_condition(object, "Available", status, (reason, message), view.now());
    condition["lastUpdateTime"] = condition["lastTransitionTime"].clone();
    condition
}

/// `Progressing` turns false when nothing moved for the deadline.
fn progress(
    view: View,
    plan: &mut Plan,
    object: &Value,
    newest: Option<(&Key, &Arc<Value>)>,
    (done, status): (bool, &Value),
) -> Value {
    let name = newest.map(|(key, _)| key.name.to_string()).unwrap_or_default();
    let held = super::condition(object, "Progressing");
    let numbers = |s: &Value| {
        let mut s = s.clone();
        remove(&mut s, "conditions");
        s
    };
    let moved = numbers(at(object, "status")) != numbers(status);
    let since = held.and_then(|c| time(c, "lastUpdateTime")).filter(|_| !moved).unwrap_or(view.now());
    let deadline = since + SignedDuration::from_secs(int(object, "spec.progressDeadlineSeconds", 600));
    // Once late, late until something moves.
    let was_late = !moved && held.is_some_and(|c| text(c, "reason") == LATE);
    let late = !done && (was_late || deadline <= view.now());
    let (status, reason, message) = match () {
        () if done => ("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed.")),
        () if late => ("False", LATE, format!("ReplicaSet \"{name}\" has timed out progressing.")),
        () => ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing.")),
    };
    if !done && !late {
        plan.again(deadline);
    }
    let mut condition = new_condition(object, "Progressing", status, (reason, &message), view.now());
    let same = held.is_some_and(|c| text(c, "reason") == reason);
    let kept = held.map(|c| text(c, "lastUpdateTime").to_owned()).filter(|_| same && !moved);
    condition["lastUpdateTime"] = kept.unwrap_or_else(|| seconds(view.now())).into();
    condition
}
