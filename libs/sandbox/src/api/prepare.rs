//! What the API server sets at a write beyond defaults: generation, status, generated fields.

use serde_json::{Value, json};

use super::{pods, services};
use crate::{
    failure::Failure,
    json::{at, default, flag, int, items, map, place, put, remove, text},
    resource::Resource,
    store::Store,
};

const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// At a creation.
pub(super) fn create(store: &Store, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    if resource.generation {
        put(object, "metadata.generation", 1);
    }
    if resource.status {
        put(object, "status", empty_status(resource.kind));
    }
    match resource.kind {
        "Namespace" => put(object, "spec.finalizers", json!(["kubernetes"])),
        "Pod" => pods::create(store, resource, object)?,
        "Service" => services::create(store, object),
        "Job" => job(object),
        "PersistentVolumeClaim" => claim(object),
        _ => {}
    }
    Ok(())
}

/// A status that was never written.
fn empty_status(kind: &str) -> Value {
    match kind {
        "Namespace" => json!({"phase": "Active"}),
        "PersistentVolumeClaim" | "Pod" => json!({"phase": "Pending"}),
        "Service" | "Ingress" => json!({"loadBalancer": {}}),
        "ReplicaSet" => json!({"replicas": 0}),
        "StatefulSet" => json!({"replicas": 0, "availableReplicas": 0}),
        "HorizontalPodAutoscaler" => json!({"desiredReplicas": 0}),
        "PodDisruptionBudget" => {
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0})
        }
        _ => json!({}),
    }
}

/// A claim is bound by the sandbox's one class, and protected while a pod uses it.
fn claim(object: &mut Value) {
    default(object, "spec.storageClassName", "standard");
    let mut list: Vec<Value> = items(object, "metadata.finalizers").to_vec();
    if !list.iter().any(|f| f == PROTECTION) {
        list.push(PROTECTION.into());
    }
    put(object, "metadata.finalizers", list);
}

/// A `kind: Job` gets its selector, and labels that its pods are found by.
fn job(object: &mut Value) {
    if flag(object, "spec.manualSelector") {
        return;
    }
    let (uid, name) = (text(object, "metadata.uid").to_owned(), text(object, "metadata.name").to_owned());
    let labels = map(place(object, "spec.template.metadata.labels"));
    for prefix in ["", "batch.kubernetes.io/"] {
        labels.insert(format!("{prefix}controller-uid"), uid.clone().into());
        labels.insert(format!("{prefix}job-name"), name.clone().into());
    }
    map(place(object, "spec.selector.matchLabels")).insert("batch.kubernetes.io/controller-uid".to_owned(), uid.into());
}

/// At an update of an object or one of its subresources.
pub(super) fn update(store: &Store, resource: &Resource, subresource: &str, live: &Value, new: &mut Value) {
    match subresource {
        "status" => keep_all_but(live, new, &["status"]),
        "scale" => keep_all_but(live, new, &["spec"]),
        "binding" => {}
        _ if resource.status => keep(live, new, "status"),
        _ => {}
    }
    if subresource.is_empty() {
        own(store, resource, live, new);
    }
    // A Deployment's annotations go on to its ReplicaSets, so they count.
    let annotated =
        resource.kind == "Deployment" && at(live, "metadata.annotations") != at(new, "metadata.annotations");
    let changed = annotated || at(live, "spec") != at(new, "spec");
    if resource.generation && changed && subresource != "status" && subresource != "binding" {
        put(new, "metadata.generation", int(live, "metadata.generation", 0) + 1);
    }
}

/// At an update of the object itself, what its kind keeps.
fn own(store: &Store, resource: &Resource, live: &Value, new: &mut Value) {
    match resource.kind {
        "Service" => services::update(store, live, new),
        "Pod" => pods::update(live, new),
        "Namespace" => keep(live, new, "spec"),
        "PersistentVolumeClaim" => {
            for field in ["spec.storageClassName", "spec.volumeName"] {
                default(new, field, at(live, field).clone());
                if at(new, field).is_null() {
                    remove(new, field);
                }
            }
        }
        _ => {}
    }
}

fn keep(live: &Value, new: &mut Value, field: &str) {
    match at(live, field) {
        Value::Null => drop(remove(new, field)),
        held => put(new, field, held.clone()),
    }
}

fn keep_all_but(live: &Value, new: &mut Value, fields: &[&str]) {
    let mut kept = live.clone();
    for field in fields {
        put(&mut kept, field, at(new, field).clone());
    }
    // A status update may change this metadata too; controllers do.
    for field in ["metadata.finalizers", "metadata.annotations"] {
        match at(new, field) {
            Value::Null => drop(remove(&mut kept, field)),
            given => put(&mut kept, field, given.clone()),
        }
    }
    *new = kept;
}
