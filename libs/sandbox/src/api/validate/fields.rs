//! Metadata and pods, wherever they stand.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    api::names,
    failure::Cause,
    json::{at, entries, items, text},
    resource::Resource,
};

const POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];

/// Labels and annotations.
pub(super) fn metadata(object: &Value, causes: &mut Vec<Cause>) {
    for (key, value) in entries(object, "metadata.labels") {
        label("metadata.labels", key, value, causes);
    }
    for (key, _) in entries(object, "metadata.annotations").filter(|(key, _)| !is_qualified(&key.to_lowercase())) {
        causes.push(Cause::invalid(
            "metadata.annotations",
            &key.as_str().into(),
            "name part must consist of alphanumeric characters, '-', '_' or '.'",
        ));
    }
}

fn label(field: &str, key: &str, value: &Value, causes: &mut Vec<Cause>) {
    if !is_qualified(key) {
        causes.push(Cause::invalid(
            field,
            &key.into(),
            "name part must consist of alphanumeric characters, '-', '_' or '.'",
        ));
    }
    let given = value.as_str().unwrap_or_default();
    if given.len() > 63 {
        causes.push(Cause::invalid(field, value, "must be no more than 63 characters"));
    } else if !given.is_empty() && !is_word(given) {
        causes.push(Cause::invalid(
            field,
            value,
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'",
        ));
    }
}

fn is_word(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    prefix.is_none_or(names::is_subdomain) && name.len() <= 63 && is_word(name)
}

/// A pod, or the template of one at `template`, with its selector where it has one.
pub(super) fn pod(resource: &Resource, object: &Value, template: &str, causes: &mut Vec<Cause>) {
    let prefix = if template.is_empty() { String::new() } else { format!("{template}.") };
    let pod = if template.is_empty() { object } else { at(object, template) };
    if !template.is_empty() {
        for (key, value) in entries(pod, "metadata.labels") {
            label(&format!("{prefix}metadata.labels"), key, value, causes);
        }
        selector(resource, object, pod, &prefix, causes);
        restart_policy(resource, pod, &prefix, causes);
    }
    for (place, toleration) in items(pod, "spec.tolerations").iter().enumerate() {
        if text(toleration, "key").is_empty() && text(toleration, "operator") != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            let field = format!("{prefix}spec.tolerations[{place}].operator");
            causes.push(Cause::invalid(field, at(toleration, "operator"), why));
        }
    }
    if items(pod, "spec.containers").is_empty() {
        causes.push(Cause::required(format!("{prefix}spec.containers"), ""));
    }
    let volumes: BTreeSet<&str> = items(pod, "spec.volumes").iter().map(|v| text(v, "name")).collect();
    // A StatefulSet's claims become volumes of its pods.
    let claims = items(object, "spec.volumeClaimTemplates").iter().map(|c| text(c, "metadata.name"));
    let volumes: BTreeSet<&str> = volumes.into_iter().chain(claims).collect();
    let mut seen = BTreeSet::new();
    for list in ["initContainers", "containers"] {
        for (place, container) in items(pod, &format!("spec.{list}")).iter().enumerate() {
            let field = format!("{prefix}spec.{list}[{place}]");
            if !seen.insert(text(container, "name")) {
                causes.push(Cause::duplicate(format!("{field}.name"), at(container, "name")));
            }
            self::container(container, &field, &volumes, causes);
        }
    }
}

fn selector(resource: &Resource, object: &Value, pod: &Value, prefix: &str, causes: &mut Vec<Cause>) {
    if matches!(resource.kind, "Job" | "CronJob") {
        return;
    }
    let selector = at(object, "spec.selector");
    if selector.is_object() && crate::selector::matches(selector, pod) {
        if at(selector, "matchLabels").is_null() && items(selector, "matchExpressions").is_empty() {
            causes.push(Cause::invalid("spec.selector", selector, "empty selector is invalid for deployment"));
        }
        return;
    }
    let labels = at(pod, "metadata.labels");
    causes.push(Cause::invalid(
        format!("{prefix}metadata.labels"),
        labels,
        "`selector` does not match template `labels`",
    ));
}

fn restart_policy(resource: &Resource, pod: &Value, prefix: &str, causes: &mut Vec<Cause>) {
    let allowed: &[&str] = if matches!(resource.kind, "Job" | "CronJob") { &POLICIES[1..] } else { &POLICIES[..1] };
    let given = at(pod, "spec.restartPolicy");
    let absent = given.is_null() && allowed.len() == 1;
    if !absent && !allowed.iter().any(|a| given == a) {
        let field = format!("{prefix}spec.restartPolicy");
        causes.push(if allowed.len() > 1 && (given == "Always" || given.is_null()) {
            // A Job's own message, with another cause than the rest.
            Cause { reason: "FieldValueRequired", ..Cause::required(field, "valid values: \"OnFailure\", \"Never\"") }
        } else {
            Cause::unsupported(field, given, allowed)
        });
    }
}

fn container(container: &Value, field: &str, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let name = text(container, "name");
    if !name.is_empty() && !names::is_label(name) {
        causes.push(Cause::invalid(
            format!("{field}.name"),
            &name.into(),
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'",
        ));
    }
    if text(container, "image").is_empty() {
        causes.push(Cause::required(format!("{field}.image"), ""));
    }
    for (place, mount) in items(container, "volumeMounts").iter().enumerate() {
        if !volumes.contains(text(mount, "name")) {
            causes.push(Cause {
                reason: "FieldValueNotFound",
                message: format!("Not found: {}", at(mount, "name")),
                field: format!("{field}.volumeMounts[{place}].name"),
            });
        }
    }
    resources(container, field, causes);
}

fn resources(container: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (name, request) in entries(container, "resources.requests") {
        let limit = entries(container, "resources.limits").find(|(n, _)| *n == name).map(|(_, v)| v);
        if limit.zip(amount(request)).is_some_and(|(limit, asked)| amount(limit).is_some_and(|l| asked > l)) {
            let field = format!("{field}.resources.requests");
            let detail = format!(
                "must be less than or equal to {name} limit of {}",
                limit.and_then(Value::as_str).unwrap_or_default()
            );
            causes.push(Cause::invalid(field, request, &detail));
        }
    }
}

/// A quantity as a number.
pub(crate) fn amount(quantity: &Value) -> Option<f64> {
    let text = match quantity {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        _ => return text.parse().ok(),
    };
    number.parse::<f64>().ok().map(|n| n * factor)
}
