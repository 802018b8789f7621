//! What the API server refuses: shapes, required fields, names, immutable fields.

mod fields;
mod immutable;
mod kinds;
mod shape;

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use crate::{
    failure::{Cause, Failure},
    json::text,
    resource::Resource,
    store::Store,
};

pub(super) use shape::{encoded, types, undeclared};

/// A 400 with every field that the schema does not know, as strict decoding gives it.
pub(super) fn unknown_fields(resource: &Resource, object: &Value) -> Result<(), Failure> {
    let unknown = shape::unknown(resource, object);
    if unknown.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = unknown.iter().map(|f| format!("unknown field {:?}", f.trim_start_matches('.'))).collect();
    Err(Failure::bad_request(format!(
        "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
        resource.kind,
        resource.version,
        resource.kind,
        texts.join(", ")
    )))
}

/// What is wrong with a new object.
pub(super) fn create(_store: &Store, resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    name(resource, object, &mut causes);
    fields::metadata(object, &mut causes);
    whole(resource, object, &mut causes);
    causes
}

/// What is wrong with a changed object.
pub(super) fn update(resource: &Resource, subresource: &str, live: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if matches!(subresource, "status" | "binding") {
        return causes;
    }
    fields::metadata(new, &mut causes);
    immutable::check(resource, live, new, &mut causes);
    whole(resource, new, &mut causes);
    causes
}

fn whole(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    shape::required(resource, object, causes);
    if let Some(template) = resource.template {
        fields::pod(resource, object, template, causes);
    }
    kinds::check(resource, object, causes);
    // Several checks may find the same.
    let mut seen = BTreeSet::new();
    causes.retain(|c| seen.insert((c.reason, c.field.clone())));
}

fn name(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    let name = text(object, "metadata.name");
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    let (fits, what) = match resource.kind {
        "Namespace" | "Service" => (names::is_label(name), "a lowercase RFC 1123 label"),
        "Role" | "RoleBinding" => (names::is_path_segment(name), "a path segment"),
        _ => (names::is_subdomain(name), "a lowercase RFC 1123 subdomain"),
    };
    if !fits {
        let detail = format!("{what} must consist of lower case alphanumeric characters or '-'");
        causes.push(Cause::invalid("metadata.name", &name.into(), &detail));
    }
    // Names of their pods and claims are made from these.
    let limit = match resource.kind {
        "CronJob" => 52,
        "Job" | "StatefulSet" => 63,
        _ => 253,
    };
    if name.len() > limit {
        let detail = format!("must be no more than {limit} characters");
        causes.push(Cause::invalid("metadata.name", &name.into(), &detail));
    }
}
