//! What metadata may not say: who owns the object, who finalises it, where it goes.

use domain::{TaskId, Tenant};

use super::annotations;
use crate::{field::Field, names, object::Object, report::Report, shape};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub fn check(object: &Object, tenant: &Tenant, report: &mut Report) {
    for (i, metadata) in object.metadata().iter().enumerate() {
        refused(metadata, report);
        if i == 0 {
            dropped(metadata, report);
            namespace(metadata, tenant, report);
            parent(object, metadata, report);
            annotations::own(object, metadata, report);
        } else {
            annotations::template(metadata, report);
        }
    }
    let root = object.root();
    if let Some(status) = root.get("status").filter(|s| !s.node.entries().is_empty()) {
        report.warn(&status, "dropped_field", "status is the cluster's to write; it is dropped");
    }
}

fn refused(metadata: &Field<'_>, report: &mut Report) {
    let refused = [
        ("generateName", "a task's objects have fixed names, so that the next revision finds them; use metadata.name"),
        ("ownerReferences", "Marea owns the task's objects; remove it"),
        ("finalizers", "a finalizer could keep the task from being rolled back; remove it"),
    ];
    for (key, message) in refused {
        if let Some(field) = metadata.get(key).filter(|f| !f.node.is_empty()) {
            report.error(&field, "refused_field", message);
        }
    }
    for (key, field) in metadata.map("labels").into_iter().chain(metadata.map("annotations")) {
        if key.starts_with("applyset.kubernetes.io/") {
            report.error(&field, "refused_field", "the task is the ApplySet; remove it");
        }
    }
}

/// A task's parent is a ConfigMap of this name: written over or pruned, the whole task would go with it.
fn parent(object: &Object, metadata: &Field<'_>, report: &mut Report) {
    let Some(field) = metadata.get("name").filter(|_| object.kind.kind == "ConfigMap") else { return };
    let task = field.text().unwrap_or_default().strip_prefix("marea-");
    if task.is_some_and(|id| id.parse::<TaskId>().is_ok()) {
        report.error(
            &field,
            "reserved_name",
            "ConfigMaps named marea- and a task's id are Marea's own; choose another name",
        );
    }
}

fn dropped(metadata: &Field<'_>, report: &mut Report) {
    for key in shape::DROPPED {
        if let Some(field) = metadata.get(key) {
            report.warn(&field, "dropped_field", format!("{key} is the cluster's to write; it is dropped"));
        }
    }
    if let Some(field) = metadata.walk(&["annotations", LAST_APPLIED]) {
        report.warn(&field, "dropped_field", "it is kubectl's own note; it is dropped");
    }
}

/// Whether an annotation is left out of what is applied.
pub fn is_dropped_annotation(key: &str) -> bool {
    key == LAST_APPLIED
}

fn namespace(metadata: &Field<'_>, tenant: &Tenant, report: &mut Report) {
    let Some(field) = metadata.get("namespace") else { return };
    let text = field.text().unwrap_or_default();
    if text.is_empty() {
        return;
    }
    let shown = report.show(text);
    if let Some(expected) = names::label(text) {
        report.error(&field, "invalid_name", format!("{shown} is not valid here: {expected}"));
    } else if !tenant.owns(text) {
        let message = format!("the namespace {shown} is not yours; {}", super::namespaces(tenant));
        report.error(&field, "foreign_namespace", message);
    }
}
