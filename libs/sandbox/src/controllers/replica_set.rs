//! ReplicaSets.

use serde_json::{Value, json};

use super::{Plan, View, deletion, is_terminating, pods};
use crate::{
    json::{at, int, text},
    store::Key,
};

/// At most this many pods are made in one go.
const BURST: i64 = 500;

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    let all = view.controlled("Pod", text(object, "metadata.uid"));
    let active: Vec<_> = all.iter().filter(|(_, pod)| pods::is_active(pod)).copied().collect();
    let wanted = int(object, "spec.replicas", 1);
    let missing = wanted - i64::try_from(active.len()).unwrap_or(0);
    if !is_terminating(object) {
        for nth in 0..missing.clamp(0, BURST) {
            let name = format!("{}-", key.name);
            let nth = usize::try_from(nth).unwrap_or(0);
            plan.call(pods::create(view, (key, object), at(object, "spec.template"), &name, nth));
        }
        let surplus = usize::try_from(-missing).unwrap_or(0);
        for (key, pod) in pods::dispensable(&active).into_iter().take(surplus) {
            plan.call(deletion(key, pod));
        }
    }
    let ready = pods::count(&active, pods::is_ready);
    let mut status = json!({
        "replicas": active.len(), "observedGeneration": int(object, "metadata.generation", 1),
        "fullyLabeledReplicas": active.len(), "readyReplicas": ready, "availableReplicas": ready,
    });
    for field in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
        if status[field] == 0 {
            status.as_object_mut().expect("it is one").remove(field);
        }
    }
    plan.status(key, object, status);
    plan
}
