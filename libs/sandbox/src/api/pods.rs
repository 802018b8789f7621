//! What admission adds to a pod: account, tolerations, priority, quality of service.

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    json::{at, default, entries, items, put, text},
    resource::{Resource, of_kind},
    store::{Key, Store},
};

pub(super) fn create(store: &Store, resource: &Resource, pod: &mut Value) -> Result<(), Failure> {
    default(pod, "spec.serviceAccountName", "default");
    let account = text(pod, "spec.serviceAccountName").to_owned();
    let (namespace, name) = (text(pod, "metadata.namespace"), text(pod, "metadata.name"));
    if store.get(&Key::new(of_kind("ServiceAccount"), namespace, &account)).is_none() {
        let why =
            format!("error looking up service account {namespace}/{account}: serviceaccount {account:?} not found");
        return Err(Failure::forbidden(resource, name, &why));
    }
    put(pod, "spec.serviceAccount", account);
    tolerate(pod);
    default(pod, "spec.priority", 0);
    default(pod, "spec.preemptionPolicy", "PreemptLowerPriority");
    let class = quality(pod);
    put(pod, "status.qosClass", class);
    Ok(())
}

/// Nodes that vanish are tolerated for five minutes.
fn tolerate(pod: &mut Value) {
    let mut list = items(pod, "spec.tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !list.iter().any(|t| text(t, "key") == key || text(t, "key").is_empty()) {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    put(pod, "spec.tolerations", list);
}

fn quality(pod: &Value) -> &'static str {
    let containers = || items(pod, "spec.containers").iter().chain(items(pod, "spec.initContainers"));
    let any = |c: &Value| entries(c, "resources.requests").chain(entries(c, "resources.limits")).next().is_some();
    let equal = |c: &Value, name: &str| {
        let of = |path: &str| entries(c, path).find(|(k, _)| *k == name).map(|(_, v)| v.clone());
        let limit = of("resources.limits");
        limit.is_some() && of("resources.requests") == limit
    };
    match () {
        () if !containers().any(any) => "BestEffort",
        () if containers().all(|c| equal(c, "cpu") && equal(c, "memory")) => "Guaranteed",
        () => "Burstable",
    }
}

/// An update that leaves out what admission added keeps it.
pub(super) fn update(live: &Value, pod: &mut Value) {
    for field in ["nodeName", "serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy"] {
        let path = format!("spec.{field}");
        let held = at(live, &path);
        if !held.is_null() {
            default(pod, &path, held.clone());
        }
    }
}
