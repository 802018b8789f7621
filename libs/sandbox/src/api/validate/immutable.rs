//! Fields that may not change.

use serde_json::Value;

use crate::{
    failure::Cause,
    json::{at, flag, remove, text},
    resource::Resource,
};

pub(super) fn check(resource: &Resource, live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    match resource.kind {
        "Deployment" | "ReplicaSet" => same(&["spec.selector"], live, new, causes),
        "StatefulSet" => stateful_set(live, new, causes),
        "Job" => job(live, new, causes),
        "Pod" => pod(live, new, causes),
        "PersistentVolumeClaim" => claim(live, new, causes),
        "Service" => service(live, new, causes),
        "ConfigMap" => frozen(&["data", "binaryData"], live, new, causes),
        "Secret" => {
            same(&["type"], live, new, causes);
            frozen(&["data"], live, new, causes);
        }
        "RoleBinding" if at(live, "roleRef") != at(new, "roleRef") => {
            causes.push(Cause::invalid("roleRef", at(new, "roleRef"), "cannot change roleRef"));
        }
        _ => {}
    }
}

fn same(fields: &[&str], live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let changed = fields.iter().filter(|field| at(live, field) != at(new, field));
    causes.extend(changed.map(|field| Cause::immutable(*field, at(new, field))));
}

/// `immutable: true` cannot be taken back.
fn frozen(fields: &[&str], live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if !flag(live, "immutable") {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    if !flag(new, "immutable") {
        causes.push(Cause::forbidden("immutable", why));
    }
    let changed = fields.iter().filter(|field| at(live, field) != at(new, field));
    causes.extend(changed.map(|field| Cause::forbidden(*field, why)));
}

/// Both specs without what may change.
fn without(live: &Value, new: &Value, fields: &[&str]) -> (Value, Value) {
    let strip = |o: &Value| {
        let mut spec = at(o, "spec").clone();
        fields.iter().for_each(|field| drop(remove(&mut spec, field)));
        spec
    };
    (strip(live), strip(new))
}

fn stateful_set(live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let (old, new) = without(live, new, &FREE);
    if old != new {
        causes.push(Cause::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}

fn job(live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    const FIXED: [&str; 6] = [
        "spec.selector",
        "spec.completionMode",
        "spec.podFailurePolicy",
        "spec.backoffLimitPerIndex",
        "spec.managedBy",
        "spec.successPolicy",
    ];
    if text(live, "spec.completionMode") != "Indexed" {
        same(&["spec.completions"], live, new, causes);
    }
    same(&FIXED, live, new, causes);
    // Of a suspended Job that never started, where its pods run may still change.
    let template = |o: &Value| {
        let mut template = at(o, "spec.template").clone();
        if flag(live, "spec.suspend") && text(live, "status.startTime").is_empty() {
            for field in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
                remove(&mut template, &format!("spec.{field}"));
            }
            remove(&mut template, "metadata");
        }
        template
    };
    if template(live) != template(new) {
        causes.push(Cause::immutable("spec.template", at(new, "spec.template")));
    }
}

fn pod(live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let strip = |o: &Value| {
        let mut spec = at(o, "spec").clone();
        for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "nodeName"] {
            remove(&mut spec, field);
        }
        for list in ["containers", "initContainers"] {
            crate::json::items_mut(&mut spec, list).iter_mut().for_each(|c| drop(remove(c, "image")));
        }
        spec
    };
    if strip(live) != strip(new) {
        causes.push(Cause::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
}

fn claim(live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let bound = text(live, "status.phase") == "Bound";
    let free: &[&str] = if bound { &["resources", "volumeAttributesClassName", "volumeName"] } else { &["volumeName"] };
    let (old, new) = without(live, new, free);
    if old != new {
        causes.push(Cause::forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
}

fn service(live: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let external = |s: &Value| text(s, "spec.type") == "ExternalName";
    let (old, ip) = (at(live, "spec.clusterIP"), at(new, "spec.clusterIP"));
    if !external(live) && !external(new) && !old.is_null() && old != ip {
        causes.push(Cause::invalid("spec.clusterIPs[0]", &serde_json::json!([ip]), "may not change once set"));
    }
}
