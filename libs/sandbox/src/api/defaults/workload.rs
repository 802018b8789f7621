//! The defaults of what makes pods.

use serde_json::{Value, json};

use super::{claim, pod};
use crate::{
    json::{at, default, items_mut, place, put},
    resource::Resource,
};

pub(super) fn apply(resource: &Resource, object: &mut Value) {
    let template = resource.template.expect("only kinds with a template come here");
    if at(object, template).is_object() {
        default(object, &format!("{template}.metadata"), json!({}));
        pod::spec(object, &format!("{template}.spec"));
    }
    match resource.kind {
        "Deployment" => deployment(object),
        "ReplicaSet" => default(object, "spec.replicas", 1),
        "StatefulSet" => stateful_set(object),
        "Job" => job(object),
        _ => cron_job(object),
    }
}

fn deployment(object: &mut Value) {
    let spec = place(object, "spec");
    default(spec, "replicas", 1);
    default(spec, "strategy.type", "RollingUpdate");
    if at(spec, "strategy.type") == "RollingUpdate" {
        default(spec, "strategy.rollingUpdate.maxUnavailable", "25%");
        default(spec, "strategy.rollingUpdate.maxSurge", "25%");
    }
    default(spec, "revisionHistoryLimit", 10);
    default(spec, "progressDeadlineSeconds", 600);
}

fn stateful_set(object: &mut Value) {
    let spec = place(object, "spec");
    default(spec, "podManagementPolicy", "OrderedReady");
    default(spec, "serviceName", "");
    if at(spec, "updateStrategy.type").is_null() {
        default(spec, "updateStrategy.type", "RollingUpdate");
        default(spec, "updateStrategy.rollingUpdate", json!({}));
    }
    if at(spec, "updateStrategy.type") == "RollingUpdate" && at(spec, "updateStrategy.rollingUpdate").is_object() {
        default(spec, "updateStrategy.rollingUpdate.partition", 0);
    }
    default(spec, "persistentVolumeClaimRetentionPolicy.whenDeleted", "Retain");
    default(spec, "persistentVolumeClaimRetentionPolicy.whenScaled", "Retain");
    default(spec, "replicas", 1);
    default(spec, "revisionHistoryLimit", 10);
    for template in items_mut(spec, "volumeClaimTemplates") {
        put(template, "apiVersion", "v1");
        put(template, "kind", "PersistentVolumeClaim");
        claim(template);
    }
}

fn job(object: &mut Value) {
    let labels = at(object, "spec.template.metadata.labels").clone();
    let own = at(object, "metadata.labels");
    if labels.is_object() && own.as_object().is_none_or(serde_json::Map::is_empty) {
        put(object, "metadata.labels", labels);
    }
    job_spec(place(object, "spec"));
    let spec = place(object, "spec");
    default(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", false);
    let replacement = if at(spec, "podFailurePolicy").is_object() { "Failed" } else { "TerminatingOrFailed" };
    default(spec, "podReplacementPolicy", replacement);
    default(spec, "manualSelector", false);
    default(spec, "backoffLimit", 6);
}

fn job_spec(spec: &mut Value) {
    if at(spec, "completions").is_null() && at(spec, "parallelism").is_null() {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    if at(spec, "backoffLimitPerIndex").is_number() {
        default(spec, "backoffLimit", i32::MAX);
    }
    for rule in items_mut(spec, "podFailurePolicy.rules") {
        items_mut(rule, "onPodConditions").iter_mut().for_each(|pattern| default(pattern, "status", "True"));
    }
}

fn cron_job(object: &mut Value) {
    let spec = place(object, "spec");
    default(spec, "concurrencyPolicy", "Allow");
    default(spec, "suspend", false);
    default(spec, "successfulJobsHistoryLimit", 3);
    default(spec, "failedJobsHistoryLimit", 1);
    default(spec, "jobTemplate.metadata", json!({}));
}
