//! What each kind checks on its own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    api::names,
    failure::Cause,
    json::{at, entries, int, items, text},
    resource::Resource,
};

pub(super) fn check(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    match resource.kind {
        "Service" => service(object, causes),
        "ConfigMap" | "Secret" => data(object, causes),
        "Deployment" => deployment(object, causes),
        "StatefulSet" => stateful_set(object, causes),
        "Job" => {
            job(object, "spec", causes);
            generated(object, causes);
        }
        "CronJob" => cron_job(object, causes),
        "HorizontalPodAutoscaler" => autoscaler(object, causes),
        "PersistentVolumeClaim" => claim(object, causes),
        "Ingress" => ingress(object, causes),
        _ => {}
    }
}

fn stateful_set(object: &Value, causes: &mut Vec<Cause>) {
    let rolling = at(object, "spec.updateStrategy.rollingUpdate");
    if text(object, "spec.updateStrategy.type") == "OnDelete" && !rolling.is_null() {
        let why = "only allowed for updateStrategy 'RollingUpdate'";
        causes.push(Cause::invalid("spec.updateStrategy.rollingUpdate", rolling, why));
    }
}

fn service(object: &Value, causes: &mut Vec<Cause>) {
    let ports = items(object, "spec.ports");
    let headless = text(object, "spec.clusterIP") == "None";
    match text(object, "spec.type") {
        "ExternalName" if text(object, "spec.externalName").is_empty() => {
            causes.push(Cause::required("spec.externalName", ""));
        }
        "ExternalName" => {}
        _ if ports.is_empty() && !headless => causes.push(Cause::required("spec.ports", "")),
        _ => {}
    }
    let (mut names, mut pairs) = (BTreeSet::new(), BTreeSet::new());
    for (place, item) in ports.iter().enumerate() {
        let field = format!("spec.ports[{place}]");
        let name = text(item, "name");
        if ports.len() > 1 && name.is_empty() {
            causes.push(Cause::required(format!("{field}.name"), ""));
        }
        if !name.is_empty() && !names.insert(name) {
            causes.push(Cause::duplicate(format!("{field}.name"), &name.into()));
        }
        if !pairs.insert((int(item, "port", 0), text(item, "protocol"))) {
            causes.push(Cause::duplicate(field.clone(), item));
        }
        node_port(object, item, &field, causes);
    }
}

fn node_port(object: &Value, item: &Value, field: &str, causes: &mut Vec<Cause>) {
    let number = int(item, "nodePort", 0);
    if number != 0 && matches!(text(object, "spec.type"), "ClusterIP" | "ExternalName") {
        let why = "may not be used when `type` is 'ClusterIP'";
        causes.push(Cause::forbidden(format!("{field}.nodePort"), why));
    } else if number != 0 && !(30000..32768).contains(&number) {
        let why = "provided port is not in the valid range. The range of valid ports is 30000-32767";
        causes.push(Cause::invalid(format!("{field}.nodePort"), at(item, "nodePort"), why));
    }
}

fn data(object: &Value, causes: &mut Vec<Cause>) {
    for map in ["data", "binaryData"] {
        for (key, _) in entries(object, map) {
            let fits = !key.is_empty()
                && key.len() <= 253
                && !matches!(key.as_str(), "." | "..")
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            if !fits {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
                causes.push(Cause::invalid(format!("{map}[{key}]"), &key.as_str().into(), why));
            }
        }
    }
}

fn deployment(object: &Value, causes: &mut Vec<Cause>) {
    if text(object, "spec.strategy.type") == "Recreate" && at(object, "spec.strategy.rollingUpdate").is_object() {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        causes.push(Cause::forbidden("spec.strategy.rollingUpdate", why));
    }
    let zero = |field: &str| matches!(at(object, field), v if v == 0 || v == "0%" || v == "0");
    let (surge, unavailable) = ("spec.strategy.rollingUpdate.maxSurge", "spec.strategy.rollingUpdate.maxUnavailable");
    if zero(surge) && zero(unavailable) {
        causes.push(Cause::invalid(unavailable, at(object, unavailable), "may not be 0 when `maxSurge` is 0"));
    }
}

fn job(object: &Value, spec: &str, causes: &mut Vec<Cause>) {
    if text(object, &format!("{spec}.completionMode")) == "Indexed"
        && at(object, &format!("{spec}.completions")).is_null()
    {
        causes.push(Cause::required(format!("{spec}.completions"), "when completion mode is Indexed"));
    }
}

/// The generated labels have to stay on a `kind: Job`'s template.
fn generated(object: &Value, causes: &mut Vec<Cause>) {
    if at(object, "spec.manualSelector") == true || text(object, "metadata.uid").is_empty() {
        return;
    }
    let field = "spec.template.metadata.labels";
    let labels = at(object, field);
    for (key, expected) in [("controller-uid", "metadata.uid"), ("job-name", "metadata.name")] {
        for key in [key.to_owned(), format!("batch.kubernetes.io/{key}")] {
            let (place, expected) = (format!("{field}[{key}]"), text(object, expected));
            match labels.get(&key) {
                None => causes.push(Cause::required(place, &format!("must be '{expected}'"))),
                Some(held) if held != expected => {
                    causes.push(Cause::invalid(place, held, &format!("must be '{expected}'")));
                }
                Some(_) => {}
            }
        }
    }
    if !crate::selector::matches(at(object, "spec.selector"), at(object, "spec.template")) {
        causes.push(Cause::invalid(field, labels, "`selector` does not match template `labels`"));
    }
}

fn cron_job(object: &Value, causes: &mut Vec<Cause>) {
    let schedule = at(object, "spec.schedule");
    let given = schedule.as_str().unwrap_or_default();
    if !given.is_empty()
        && let Err(why) = crate::controllers::cron::Schedule::parse(given)
    {
        causes.push(Cause::invalid("spec.schedule", schedule, &why));
    }
    job(object, "spec.jobTemplate.spec", causes);
}

fn autoscaler(object: &Value, causes: &mut Vec<Cause>) {
    let (min, max) = (int(object, "spec.minReplicas", 1), int(object, "spec.maxReplicas", 0));
    if max < min && max >= 1 {
        let why = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", at(object, "spec.maxReplicas"), why));
    }
}

fn claim(object: &Value, causes: &mut Vec<Cause>) {
    if items(object, "spec.accessModes").is_empty() {
        causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    if at(object, "spec.resources.requests.storage").is_null() {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
}

fn ingress(object: &Value, causes: &mut Vec<Cause>) {
    let rules = items(object, "spec.rules");
    if rules.is_empty() && at(object, "spec.defaultBackend").is_null() {
        let why = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", at(object, "spec"), why));
    }
    for (n, rule) in rules.iter().enumerate() {
        for (m, path) in items(rule, "http.paths").iter().enumerate() {
            let field = format!("spec.rules[{n}].http.paths[{m}]");
            let exact = matches!(text(path, "pathType"), "Exact" | "Prefix");
            if exact && !text(path, "path").starts_with('/') {
                causes.push(Cause::invalid(format!("{field}.path"), at(path, "path"), "must be an absolute path"));
            }
            let service = text(path, "backend.service.name");
            if !service.is_empty() && !names::is_label(service) {
                let field = format!("{field}.backend.service.name");
                causes.push(Cause::invalid(field, &service.into(), "a DNS-1035 label is required"));
            }
        }
    }
}
