//! Namespaces: their default ServiceAccount and root certificate, and their end; and disruption budgets.

use serde_json::{Value, json};

use super::{MANAGER, Plan, View, deletion, is_terminating, pods};
use crate::{
    api::{Call, Verb},
    json::{at, int, items, put},
    resource::{RESOURCES, of_kind},
    selector,
    store::Key,
};

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    if is_terminating(object) {
        return end(view, key, object);
    }
    let mut plan = Plan::default();
    let mut ensure = |kind: &str, name: &str, body: Value| {
        let wanted = Key::new(of_kind(kind), &key.name, name);
        if view.store.get(&wanted).is_none() {
            plan.call(Call::new(Verb::Create, &wanted, MANAGER).body(body));
        }
    };
    ensure("ServiceAccount", "default", json!({"metadata": {"name": "default"}}));
    let certificate = json!({"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "simulated\n"}});
    ensure("ConfigMap", "kube-root-ca.crt", certificate);
    plan
}

/// Deletes what is inside, then lets the namespace go.
fn end(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    let mut empty = true;
    for resource in RESOURCES.iter().filter(|r| r.namespaced) {
        for (inside, object) in view.store.list(resource, &key.name) {
            empty = false;
            if !is_terminating(object) {
                plan.call(deletion(inside, object));
            }
        }
    }
    if empty && !items(object, "spec.finalizers").is_empty() {
        let mut new = object.clone();
        put(&mut new, "spec.finalizers", json!([]));
        plan.call(Call::new(Verb::Update, key, MANAGER).body(new).subresource("binding"));
    }
    plan
}

/// A disruption budget's status.
pub(super) fn budget(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    let chosen = view.store.list(of_kind("Pod"), &key.namespace).map(|(_, pod)| pod);
    let chosen: Vec<_> = chosen.filter(|pod| selector::matches(at(object, "spec.selector"), pod)).collect();
    let healthy = i64::try_from(chosen.iter().filter(|pod| pods::is_ready(pod)).count()).unwrap_or(0);
    let expected = i64::try_from(chosen.len()).unwrap_or(0);
    let desired = match (at(object, "spec.minAvailable"), at(object, "spec.maxUnavailable")) {
        (Value::Null, Value::Null) => expected,
        (Value::Null, most) => expected - pods::share(most, expected, true),
        (least, _) => pods::share(least, expected, true),
    };
    let status = json!({
        "observedGeneration": int(object, "metadata.generation", 1), "currentHealthy": healthy,
        "desiredHealthy": desired.max(0), "expectedPods": expected, "disruptionsAllowed": (healthy - desired).max(0),
        "conditions": [super::new_condition(
            object, "DisruptionAllowed", if healthy > desired { "True" } else { "False" },
            (if healthy > desired { "SufficientPods" } else { "InsufficientPods" }, ""), view.now(),
        )],
    });
    plan.status(key, object, status);
    plan.again(view.now() + jiff::SignedDuration::from_secs(15));
    plan
}
