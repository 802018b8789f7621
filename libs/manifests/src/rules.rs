//! What the API server checks of values, beyond their types: so that what is accepted here is
//! not refused there. After `pkg/apis/*/validation` of the release.

use crate::{field::Field, names, object::Object, report::Report};

mod container;
mod cron;
mod data;
mod metadata;
mod network;
mod pod;
mod resources;
mod scale;
mod selector;
mod volume;
mod workload;

/// Checks the values of an object whose shape is right.
pub fn check(object: &Object, report: &mut Report) {
    let root = object.root();
    metadata::check(object, report);
    match object.kind.kind {
        "ConfigMap" => data::config_map(&root, report),
        "CronJob" => workload::cron_job(object, report),
        "Deployment" => workload::deployment(&root, report),
        "HorizontalPodAutoscaler" => scale::autoscaler(&root, report),
        "Ingress" => network::ingress(&root, report),
        "Job" => workload::job(object, report),
        "NetworkPolicy" => network::policy(&root, report),
        "PersistentVolumeClaim" => data::claim(&root, report),
        "Pod" => workload::pod(&root, report),
        "PodDisruptionBudget" => scale::budget(&root, report),
        "Secret" => data::secret(&root, report),
        "Service" => network::service(&root, report),
        "StatefulSet" => workload::stateful_set(&root, report),
        // Role, RoleBinding: `policy::access`. ServiceAccount: its shape is all.
        _ => {}
    }
}

/// A check of [`names`].
type Syntax = fn(&str) -> Option<&'static str>;

/// The text at a key, where it is present, has that syntax.
fn syntax_of(parent: &Field<'_>, key: &'static str, syntax: Syntax, report: &mut Report) {
    if let Some(field) = parent.get(key) {
        syntax_at(&field, field.text().unwrap_or_default(), syntax, report);
    }
}

/// A text has that syntax.
fn syntax_at(field: &Field<'_>, text: &str, syntax: Syntax, report: &mut Report) {
    if let Some(expected) = syntax(text) {
        let shown = report.show(text);
        report.error(field, "invalid_name", format!("{shown} is not valid here: {expected}"));
    }
}

/// The text at a key is there and not empty.
fn filled(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    if parent.get(key).is_some_and(|f| f.text() == Some("")) {
        report.error(&parent.get_or_absent(key), "missing_field", format!("`{key}` is empty; write it"));
    }
}

/// The name of another object at a key is there, and one.
fn named(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    match parent.text_of(key).filter(|t| !t.is_empty()) {
        None => report.error(&parent.get_or_absent(key), "missing_field", format!("`{key}` is required here; add it")),
        Some(text) => syntax_at(&parent.get_or_absent(key), text, names::subdomain, report),
    }
}

/// The texts under a key of a list's items are unique.
fn unique(items: &[Field<'_>], key: &'static str, report: &mut Report) {
    let mut seen = std::collections::HashSet::new();
    for item in items {
        let Some(field) = item.get(key) else { continue };
        let Some(text) = field.text().filter(|t| !t.is_empty()) else { continue };
        if !seen.insert(text) {
            let shown = report.show(text);
            report.error(
                &field,
                "duplicate",
                format!("{shown} stands twice in this list; each needs a {key} of its own"),
            );
        }
    }
}

/// A port's number or name, as probes, Services and NetworkPolicies refer to one.
fn port(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    let Some(field) = parent.get(key) else { return };
    match (field.int(), field.text()) {
        (Some(number), _) if !(1..=65_535).contains(&number) => {
            report.error(&field, "out_of_range", "expected a port: 1 to 65535, or the name of one");
        }
        (None, Some(text)) => syntax_at(&field, text, names::port_name, report),
        _ => {}
    }
}
