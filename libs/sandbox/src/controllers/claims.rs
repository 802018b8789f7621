//! Volume claims: bound when their first pod is placed, kept while one uses them.

use serde_json::{Value, json};

use super::{Plan, View, condition, is_terminating, pods, without_finalizer};
use crate::{
    api::{Call, Verb},
    json::{at, items, put, remove, text},
    resource::of_kind,
    store::Key,
};

const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// Where the claim of a pod's volume is.
pub(super) fn named(volume: &Value, namespace: &str) -> Option<Key> {
    let name = text(volume, "persistentVolumeClaim.claimName");
    (!name.is_empty()).then(|| key(namespace, name))
}

pub(super) fn key(namespace: &str, name: &str) -> Key {
    Key::new(of_kind("PersistentVolumeClaim"), namespace, name)
}

/// The claims that a pod uses, by name.
pub(super) fn of_pod(pod: &Value) -> impl Iterator<Item = &str> {
    let names = items(pod, "spec.volumes").iter().map(|v| text(v, "persistentVolumeClaim.claimName"));
    names.filter(|name| !name.is_empty())
}

pub(super) fn reconcile(view: View, key: &Key, claim: &Value) -> Plan {
    let mut plan = Plan::default();
    let mut users = view
        .store
        .list(of_kind("Pod"), &key.namespace)
        .map(|(_, pod)| pod)
        .filter(|pod| of_pod(pod).any(|name| name == &*key.name));
    if is_terminating(claim) {
        if !users.any(|pod| !pods::is_over(pod)) {
            plan.calls.extend(without_finalizer(key, claim, PROTECTION));
        }
        return plan;
    }
    let placed = users.any(|pod| !text(pod, "spec.nodeName").is_empty() || condition(pod, "PodScheduled").is_some());
    if placed && text(claim, "status.phase") != "Bound" {
        bind(&mut plan, key, claim);
    }
    plan
}

fn bind(plan: &mut Plan, key: &Key, claim: &Value) {
    let mut new = claim.clone();
    put(&mut new, "spec.volumeName", format!("pvc-{}", text(claim, "metadata.uid")));
    let capacity = at(claim, "spec.resources.requests").clone();
    let modes = at(claim, "spec.accessModes").clone();
    put(&mut new, "status", json!({"phase": "Bound", "accessModes": modes, "capacity": capacity}));
    remove(&mut new, "metadata.managedFields");
    plan.call(Call::new(Verb::Update, key, super::MANAGER).body(new).subresource("binding"));
}
