//! What the controllers of pods share.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{MANAGER, View, controller_reference, holds, is_terminating};
use crate::{
    api::{Call, Verb, suffix, template_hash},
    json::{at, put, text},
    resource::of_kind,
    store::Key,
};

/// A pod that has to be counted: neither over nor being deleted.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_over(pod) && !is_terminating(pod)
}

pub(super) fn is_over(pod: &Value) -> bool {
    matches!(text(pod, "status.phase"), "Succeeded" | "Failed")
}

pub(super) fn is_ready(pod: &Value) -> bool {
    holds(pod, "Ready") && !is_terminating(pod)
}

/// A pod of its template, for a controller; `name` ends with `-` where the rest is to be made up.
pub(super) fn create(view: View, owner: (&Key, &Value), template: &Value, name: &str, nth: usize) -> Call {
    let (key, object) = owner;
    let mut pod = json!({"metadata": at(template, "metadata"), "spec": at(template, "spec")});
    let seed = format!("{}{}{name}{nth}", view.store.version(), view.moment.seed);
    let generated = name.ends_with('-');
    let full = if generated { format!("{name}{}", suffix(&seed)) } else { name.to_owned() };
    put(&mut pod, "metadata.name", full.clone());
    if generated {
        put(&mut pod, "metadata.generateName", name);
    }
    put(&mut pod, "metadata.ownerReferences", controller_reference(key, object));
    let pod_key = Key::new(of_kind("Pod"), &key.namespace, &full);
    Call::new(Verb::Create, &pod_key, MANAGER).body(pod)
}

/// The hash by which a template's revisions are told apart.
pub(super) fn hash(template: &Value) -> String {
    template_hash(&template.to_string())
}

/// Pods in the order in which they are given up: those that are not there yet first, then the youngest.
pub(super) fn dispensable<'a>(pods: &[(&'a Key, &'a Arc<Value>)]) -> Vec<(&'a Key, &'a Arc<Value>)> {
    let mut sorted = pods.to_vec();
    let rank = |pod: &Value| {
        let scheduled = !text(pod, "spec.nodeName").is_empty();
        (scheduled, text(pod, "status.phase") == "Running", is_ready(pod))
    };
    sorted.sort_by_key(|(_, pod)| (rank(pod), std::cmp::Reverse(text(pod, "metadata.creationTimestamp").to_owned())));
    sorted
}

/// A number or a percentage of `whole`.
pub(super) fn share(value: &Value, whole: i64, up: bool) -> i64 {
    let percent = value.as_str().and_then(|v| v.strip_suffix('%')).and_then(|v| v.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (whole * percent + 99) / 100,
        Some(percent) => whole * percent / 100,
        None => value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0),
    }
}

/// How many.
pub(super) fn count(pods: &[(&Key, &Arc<Value>)], fits: impl Fn(&Value) -> bool) -> i64 {
    i64::try_from(pods.iter().filter(|(_, pod)| fits(pod)).count()).unwrap_or(i64::MAX)
}
