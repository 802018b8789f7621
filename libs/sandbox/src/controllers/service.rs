//! Services of type LoadBalancer get an address from the range that is kept for documentation.

use serde_json::{Value, json};

use super::Plan;
use crate::{
    api::{Call, Verb, hash},
    json::{items, put, text},
    store::Key,
};

pub(super) fn reconcile(key: &Key, service: &Value) -> Plan {
    let mut plan = Plan::default();
    let wants = text(service, "spec.type") == "LoadBalancer";
    let has = !items(service, "status.loadBalancer.ingress").is_empty();
    if wants != has {
        let mut new = service.clone();
        let ip = format!("203.0.113.{}", hash(text(service, "metadata.uid")) % 254 + 1);
        let balancer = if wants { json!({"ingress": [{"ip": ip, "ipMode": "VIP"}]}) } else { json!({}) };
        put(&mut new, "status.loadBalancer", balancer);
        plan.call(Call::new(Verb::Update, key, "cloud-controller-manager").body(new).subresource("status"));
    }
    plan
}
