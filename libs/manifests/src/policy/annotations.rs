//! The annotations (and labels) under `marea.dev/` that a manifest may carry. All others under
//! that domain are refused, so that a misspelled one is not ignored in silence.

use crate::{field::Field, names, object::Object, report::Report};

/// Whether the worker gets an autoscaler: `"false"` opts out.
pub const AUTOSCALE: &str = "marea.dev/autoscale";
/// The autoscaler's least replicas; without it the worker's own `replicas`.
pub const MIN_REPLICAS: &str = "marea.dev/min-replicas";
/// The autoscaler's most replicas; without it five times the least.
pub const MAX_REPLICAS: &str = "marea.dev/max-replicas";
/// The autoscaler's mean CPU use in per cent of the requests; without it 70.
pub const CPU_PERCENT: &str = "marea.dev/cpu-percent";
/// `worker`: this Deployment or StatefulSet is the worker. A label or an annotation.
pub const ROLE: &str = "marea.dev/role";
/// `started`: a `kind: Job` counts as done once it has started.
pub const WAIT: &str = "marea.dev/wait";
/// `"true"`: a running `kind: Job` may be replaced by a changed one.
pub const REPLACE: &str = "marea.dev/replace";
/// `keep`: the object stays when the task is pruned or rolled back.
pub const ON_DELETE: &str = "marea.dev/on-delete";

/// The labels that Marea sets itself.
pub const TASK: &str = "marea.dev/task";
/// The tenant's label.
pub const TENANT: &str = "marea.dev/tenant";

const DOCUMENTED: [&str; 8] = [AUTOSCALE, MIN_REPLICAS, MAX_REPLICAS, CPU_PERCENT, ROLE, WAIT, REPLACE, ON_DELETE];
const SCALING: [&str; 5] = [AUTOSCALE, MIN_REPLICAS, MAX_REPLICAS, CPU_PERCENT, ROLE];

/// Checks the keys under `marea.dev/` of an object's own metadata.
pub fn own(object: &Object, metadata: &Field<'_>, report: &mut Report) {
    for (key, field) in metadata.map("annotations") {
        if key.starts_with("marea.dev/") {
            annotation(object.kind.kind, key, &field, report);
        }
    }
    for (key, field) in metadata.map("labels") {
        match key {
            ROLE => annotation(object.kind.kind, key, &field, report),
            _ if key.starts_with("marea.dev/") => refuse(key, "label", &field, report),
            _ => {}
        }
    }
}

/// Inside templates no key under `marea.dev/` means anything.
pub fn template(metadata: &Field<'_>, report: &mut Report) {
    for (map, what) in [("annotations", "annotation"), ("labels", "label")] {
        for (key, field) in metadata.map(map) {
            if DOCUMENTED.contains(&key) {
                let message = format!("{key} belongs in the object's own metadata.{map}, not in a template's");
                report.error(&field, "reserved_annotation", message);
            } else if key.starts_with("marea.dev/") {
                refuse(key, what, &field, report);
            }
        }
    }
}

fn annotation(kind: &str, key: &str, field: &Field<'_>, report: &mut Report) {
    if !DOCUMENTED.contains(&key) {
        return refuse(key, "annotation", field, report);
    }
    let text = field.text().unwrap_or_default();
    let number = text.parse::<u32>().unwrap_or(0);
    let expected = match key {
        AUTOSCALE | REPLACE if matches!(text, "true" | "false") => None,
        AUTOSCALE | REPLACE => Some("\"true\" or \"false\", in quotes"),
        MIN_REPLICAS | MAX_REPLICAS => (number == 0).then_some("a whole number from 1, in quotes"),
        CPU_PERCENT => (!(1..=100).contains(&number)).then_some("a whole number from 1 to 100, in quotes"),
        ROLE => (text != "worker").then_some("worker"),
        WAIT => (text != "started").then_some("started"),
        _ => (text != "keep").then_some("keep"),
    };
    if let Some(expected) = expected {
        return report.error(field, "annotation_value", format!("{key} takes {expected}"));
    }
    let idle = match key {
        WAIT | REPLACE => kind != "Job",
        _ => SCALING.contains(&key) && !matches!(kind, "Deployment" | "StatefulSet"),
    };
    if idle {
        report.warn(field, "annotation_unused", format!("{key} means nothing on a {kind}"));
    }
}

fn refuse(key: &str, what: &str, field: &Field<'_>, report: &mut Report) {
    let message = match key {
        "marea.dev/depends-on" | "marea.dev/needs" => {
            format!("{key} is planned and not there yet; remove it")
        }
        TASK | TENANT => format!("Marea sets the label {key} itself; remove it"),
        _ => match names::nearest(key, DOCUMENTED) {
            Some(near) => format!("there is no {what} {key}: did you mean {near}?"),
            None => format!("there is no {what} {key}; remove it (marea.dev/ is Marea's own)"),
        },
    };
    report.error(field, "reserved_annotation", message);
}
