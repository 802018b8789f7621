//! Names, labels, annotations.

use super::{Syntax, syntax_at};
use crate::{field::Field, names, object::Object, report::Report};

/// Bytes of all annotations of an object (`TotalAnnotationSizeLimitB`).
const ANNOTATIONS_BYTES: usize = 256 << 10;

pub fn check(object: &Object, report: &mut Report) {
    let root = object.root();
    name(object, &root, report);
    for metadata in object.metadata() {
        maps(&metadata, report);
    }
}

fn name(object: &Object, root: &Field<'_>, report: &mut Report) {
    let name = object.name();
    let metadata = root.get_or_absent("metadata");
    let field = metadata.get_or_absent("name");
    if name.is_empty() {
        if metadata.get("generateName").is_none() {
            report.error(&field, "missing_field", "every object needs metadata.name");
        }
        return;
    }
    syntax_at(&field, name, syntax(object.kind.kind), report);
    let most = match object.kind.kind {
        // The controller appends eleven characters to a Job's name.
        "CronJob" => 52,
        // The name becomes the value of the pods' label `job-name`.
        "Job" => 63,
        _ => return,
    };
    if name.len() > most {
        report.error(
            &field,
            "invalid_name",
            format!("the name of a {} has at most {most} characters", object.kind.kind),
        );
    }
}

fn syntax(kind: &str) -> Syntax {
    match kind {
        "Service" => names::label_1035,
        "Role" | "RoleBinding" | "PodDisruptionBudget" => names::path_segment,
        _ => names::subdomain,
    }
}

fn maps(metadata: &Field<'_>, report: &mut Report) {
    labels(metadata, "labels", report);
    let mut bytes = 0;
    for (key, field) in metadata.map("annotations") {
        // Annotations' keys are compared in lower case.
        syntax_at(&field, &key.to_ascii_lowercase(), names::qualified, report);
        bytes += key.len() + field.text().map_or(0, str::len);
    }
    if bytes > ANNOTATIONS_BYTES {
        let field = metadata.get_or_absent("annotations");
        report.error(&field, "too_long", "all annotations together have at most 256 KiB");
    }
}

/// A map of labels: of metadata, a selector or a node selector.
pub fn labels(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    for (key, field) in parent.map(key) {
        syntax_at(&field, key, names::qualified, report);
        syntax_at(&field, field.text().unwrap_or_default(), names::label_value, report);
    }
}
