//! Services: cluster addresses and node ports.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{create::in_use, names};
use crate::{
    json::{at, default, flag, int, items, items_mut, put, remove, text},
    store::Store,
};

/// The range of node ports.
const NODE_PORTS: std::ops::Range<u64> = 30000..32768;

pub(super) fn create(store: &Store, service: &mut Value) {
    if text(service, "spec.type") != "ExternalName" {
        address(store, service);
    }
    node_ports(store, service);
}

fn address(store: &Store, service: &mut Value) {
    if text(service, "spec.clusterIP").is_empty() {
        let taken = in_use(store, |s| vec![text(s, "spec.clusterIP").to_owned()]);
        let ip = free(text(service, "metadata.uid"), |n| format!("10.96.{}.{}", n / 254 % 256, n % 254 + 1), &taken);
        put(service, "spec.clusterIP", ip);
    }
    put(service, "spec.clusterIPs", json!([text(service, "spec.clusterIP")]));
    let headless = text(service, "spec.clusterIP") == "None" && at(service, "spec.selector").is_null();
    default(service, "spec.ipFamilyPolicy", if headless { "RequireDualStack" } else { "SingleStack" });
    default(service, "spec.ipFamilies", if headless { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) });
}

/// The first free one from a place that follows from `seed`.
fn free(seed: &str, make: impl Fn(u64) -> String, taken: &BTreeSet<String>) -> String {
    let start = names::hash(seed) >> 8;
    let mut tries = (0..=u64::try_from(taken.len()).unwrap_or(u64::MAX)).map(|n| make(start.wrapping_add(n)));
    tries.find(|t| !taken.contains(t)).expect("there are more tries than taken ones")
}

fn ports_of(service: &Value) -> Vec<String> {
    let ports = items(service, "spec.ports").iter().map(|p| int(p, "nodePort", 0));
    ports.filter(|p| *p > 0).map(|p| p.to_string()).collect()
}

fn node_ports(store: &Store, service: &mut Value) {
    let kind = text(service, "spec.type").to_owned();
    let wants = kind == "NodePort" || (kind == "LoadBalancer" && flag(service, "spec.allocateLoadBalancerNodePorts"));
    if !wants {
        return;
    }
    let seed = text(service, "metadata.uid").to_owned();
    let mut taken = in_use(store, ports_of);
    taken.extend(ports_of(service));
    let span = NODE_PORTS.end - NODE_PORTS.start;
    for port in items_mut(service, "spec.ports").iter_mut().filter(|p| int(p, "nodePort", 0) == 0) {
        let number = free(&seed, |n| (NODE_PORTS.start + n % span).to_string(), &taken);
        put(port, "nodePort", number.parse::<i64>().expect("a number was written"));
        taken.insert(number);
    }
}

/// An update that leaves addresses and node ports out keeps them.
pub(super) fn update(store: &Store, live: &Value, service: &mut Value) {
    let outside = |s: &Value| matches!(text(s, "spec.type"), "NodePort" | "LoadBalancer");
    if text(service, "spec.type") == "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            remove(service, &format!("spec.{field}"));
        }
    } else if text(live, "spec.type") == "ExternalName" {
        address(store, service);
    } else {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            let path = format!("spec.{field}");
            default(service, &path, at(live, &path).clone());
        }
    }
    if outside(live) && outside(service) {
        keep_node_ports(live, service);
    } else if outside(live) {
        items_mut(service, "spec.ports").iter_mut().for_each(|port| drop(remove(port, "nodePort")));
        remove(service, "spec.externalTrafficPolicy");
        remove(service, "spec.allocateLoadBalancerNodePorts");
    }
    node_ports(store, service);
}

fn keep_node_ports(live: &Value, service: &mut Value) {
    let same = |a: &Value, b: &Value| a["port"] == b["port"] && a["protocol"] == b["protocol"];
    for port in items_mut(service, "spec.ports") {
        if let Some(held) = items(live, "spec.ports").iter().find(|held| same(held, port)) {
            default(port, "nodePort", held["nodePort"].clone());
        }
    }
}
