//! The defaults that the API server sets, of release 1.35, kind by kind.

mod pod;
mod workload;

use serde_json::{Value, json};

use crate::{
    json::{at, default, int, items, items_mut, place, put, remove, text},
    resource::Resource,
};

/// Sets what an object leaves out.
pub(super) fn apply(resource: &Resource, object: &mut Value) {
    match resource.kind {
        "Pod" => pod::pod(object),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "Job" | "CronJob" => workload::apply(resource, object),
        "Service" => service(object),
        "Secret" => default(object, "type", "Opaque"),
        "Namespace" => namespace(object),
        "PersistentVolumeClaim" => claim(object),
        "HorizontalPodAutoscaler" => autoscaler(object),
        "NetworkPolicy" => network_policy(object),
        "RoleBinding" => role_binding(object),
        _ => {}
    }
}

fn namespace(object: &mut Value) {
    let name = text(object, "metadata.name").to_owned();
    // The label's key holds dots, so it is no path.
    place(object, "metadata.labels");
    crate::json::map(place(object, "metadata.labels")).insert("kubernetes.io/metadata.name".to_owned(), name.into());
    default(object, "status.phase", "Active");
}

/// A claim's defaults, those of a StatefulSet's templates too.
pub(super) fn claim(object: &mut Value) {
    default(object, "spec.volumeMode", "Filesystem");
    default(object, "status.phase", "Pending");
}

fn service(object: &mut Value) {
    default(object, "spec.sessionAffinity", "None");
    default(object, "spec.type", "ClusterIP");
    if text(object, "spec.sessionAffinity") == "ClientIP" {
        default(object, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 10800);
    } else {
        remove(object, "spec.sessionAffinityConfig");
    }
    for port in items_mut(object, "spec.ports") {
        default(port, "protocol", "TCP");
        let target = at(port, "targetPort");
        if target.is_null() || target == 0 || target == "" {
            *place(port, "targetPort") = at(port, "port").clone();
        }
    }
    let kind = text(object, "spec.type").to_owned();
    let outside = matches!(&*kind, "NodePort" | "LoadBalancer") || !items(object, "spec.externalIPs").is_empty();
    if outside && kind != "ExternalName" {
        default(object, "spec.externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        default(object, "spec.internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        default(object, "spec.allocateLoadBalancerNodePorts", true);
    }
    default(object, "status.loadBalancer", json!({}));
}

fn autoscaler(object: &mut Value) {
    default(object, "spec.minReplicas", 1);
    if items(object, "spec.metrics").is_empty() {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        put(object, "spec.metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
    }
    if at(object, "spec.behavior").is_object() {
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        default(object, "spec.behavior.scaleUp.stabilizationWindowSeconds", 0);
        default(object, "spec.behavior.scaleUp.policies", json!([pods, percent.clone()]));
        default(object, "spec.behavior.scaleDown.policies", json!([percent]));
        default(object, "spec.behavior.scaleUp.selectPolicy", "Max");
        default(object, "spec.behavior.scaleDown.selectPolicy", "Max");
    }
    default(object, "status.desiredReplicas", 0);
}

fn network_policy(object: &mut Value) {
    if items(object, "spec.policyTypes").is_empty() {
        let egress = !items(object, "spec.egress").is_empty();
        put(object, "spec.policyTypes", if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
    }
    for direction in ["spec.ingress", "spec.egress"] {
        for rule in items_mut(object, direction) {
            items_mut(rule, "ports").iter_mut().for_each(|port| default(port, "protocol", "TCP"));
        }
    }
}

fn role_binding(object: &mut Value) {
    let group = "rbac.authorization.k8s.io";
    default(object, "roleRef.apiGroup", group);
    for subject in items_mut(object, "subjects") {
        if matches!(text(subject, "kind"), "User" | "Group") {
            default(subject, "apiGroup", group);
        }
    }
}

/// Sets a number where it is absent or zero.
fn number(object: &mut Value, path: &str, value: i64) {
    if int(object, path, 0) == 0 {
        put(object, path, value);
    }
}
