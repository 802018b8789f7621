//! A pod's defaults.

use serde_json::{Value, json};

use super::number;
use crate::json::{at, default, entries, flag, items_mut, map, place, put, text};

/// Of a pod itself; those of its template too, and a few more.
pub(super) fn pod(object: &mut Value) {
    spec(object, "spec");
    default(object, "spec.enableServiceLinks", true);
    let host = flag(object, "spec.hostNetwork");
    for list in ["spec.containers", "spec.initContainers"] {
        for container in items_mut(object, list) {
            requests(container);
            if host {
                items_mut(container, "ports").iter_mut().for_each(host_port);
            }
        }
    }
}

fn host_port(port: &mut Value) {
    let number = at(port, "containerPort").clone();
    default(port, "hostPort", number);
}

/// A limit without a request is a request too.
fn requests(container: &mut Value) {
    let limits: Vec<(String, Value)> =
        entries(container, "resources.limits").map(|(k, v)| (k.clone(), v.clone())).collect();
    for (name, limit) in limits {
        map(place(container, "resources.requests")).entry(name).or_insert(limit);
    }
}

/// Of a pod's spec at `path`, in a pod or a template.
pub(super) fn spec(object: &mut Value, path: &str) {
    let spec = place(object, path);
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "restartPolicy", "Always");
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "schedulerName", "default-scheduler");
    // An old name of the same field, kept in step.
    let account = at(spec, "serviceAccountName").clone();
    let account = if account.is_null() { at(spec, "serviceAccount").clone() } else { account };
    if !account.is_null() {
        put(spec, "serviceAccountName", account.clone());
        put(spec, "serviceAccount", account);
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        items_mut(spec, list).iter_mut().for_each(container);
    }
    items_mut(spec, "volumes").iter_mut().for_each(volume);
}

fn container(container: &mut Value) {
    default(container, "imagePullPolicy", pull_policy(text(container, "image")));
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    default(container, "resources", json!({}));
    items_mut(container, "ports").iter_mut().for_each(|port| default(port, "protocol", "TCP"));
    for env in items_mut(container, "env") {
        if at(env, "valueFrom.fieldRef").is_object() {
            default(env, "valueFrom.fieldRef.apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if at(container, name).is_object() {
            probe(place(container, name));
        }
    }
    for hook in ["postStart", "preStop"] {
        if at(container, &format!("lifecycle.{hook}.httpGet")).is_object() {
            http_get(place(container, &format!("lifecycle.{hook}.httpGet")));
        }
    }
}

/// An image without a tag, or with `latest`, is pulled every time.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or_default();
    let always = !image.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if always { "Always" } else { "IfNotPresent" }
}

fn http_get(action: &mut Value) {
    default(action, "path", "/");
    default(action, "scheme", "HTTP");
}

fn probe(probe: &mut Value) {
    number(probe, "timeoutSeconds", 1);
    number(probe, "periodSeconds", 10);
    number(probe, "successThreshold", 1);
    number(probe, "failureThreshold", 3);
    if at(probe, "httpGet").is_object() {
        http_get(place(probe, "httpGet"));
    }
    if at(probe, "grpc").is_object() {
        default(probe, "grpc.service", "");
    }
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|v| v.len() == 1) {
        default(volume, "emptyDir", json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if at(volume, source).is_object() {
            default(place(volume, source), "defaultMode", 0o644);
        }
    }
    if at(volume, "hostPath").is_object() {
        default(volume, "hostPath.type", "");
    }
    for source in items_mut(volume, "projected.sources") {
        if at(source, "serviceAccountToken").is_object() {
            default(source, "serviceAccountToken.expirationSeconds", 3600);
        }
        field_refs(source, "downwardAPI.items");
    }
    field_refs(volume, "downwardAPI.items");
    if at(volume, "ephemeral.volumeClaimTemplate").is_object() {
        default(volume, "ephemeral.volumeClaimTemplate.spec.volumeMode", "Filesystem");
    }
}

fn field_refs(value: &mut Value, path: &str) {
    for item in items_mut(value, path) {
        if at(item, "fieldRef").is_object() {
            default(item, "fieldRef.apiVersion", "v1");
        }
    }
}
