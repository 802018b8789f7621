//! What an apply would change, field by field. Pure.

use domain::ObjectRef;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One field that would change.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// Its path, for example `spec.template.spec.containers[0].image`.
    pub field: String,
    /// The value now; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The value then; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Metadata that the API server keeps, and that says nothing about what a person wants.
const KEPT_BY_SERVER: [&str; 7] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid", "ownerReferences"];

/// What stands for a value of a Secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The changes from one object to the other. Values of Secrets show only that they differ.
pub(crate) fn diff(object: &ObjectRef, from: Option<&Value>, to: Option<&Value>) -> Vec<FieldChange> {
    let mut changes = vec![];
    walk("", from.map(stripped).as_ref(), to.map(stripped).as_ref(), &mut changes);
    if object.kind == "Secret" {
        changes.iter_mut().for_each(redact);
    }
    changes
}

fn stripped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        KEPT_BY_SERVER.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    object
}

fn redact(change: &mut FieldChange) {
    if change.field.starts_with("data") || change.field.starts_with("stringData") {
        let hide = |value: &mut Option<Value>| *value = value.as_ref().map(|_| REDACTED.into());
        hide(&mut change.from);
        hide(&mut change.to);
    }
}

fn walk(path: &str, from: Option<&Value>, to: Option<&Value>, out: &mut Vec<FieldChange>) {
    match (from, to) {
        (a, b) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => walk_map(path, a, b, out),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                walk(&format!("{path}[{i}]"), a.get(i), b.get(i), out);
            }
        }
        // Down to the leaves, so that a Secret's values are met one by one.
        (None, Some(Value::Object(b))) if !b.is_empty() => walk_map(path, &Map::new(), b, out),
        (Some(Value::Object(a)), None) if !a.is_empty() => walk_map(path, a, &Map::new(), out),
        (a, b) => out.push(FieldChange { field: path.to_owned(), from: a.cloned(), to: b.cloned() }),
    }
}

fn walk_map(path: &str, a: &Map<String, Value>, b: &Map<String, Value>, out: &mut Vec<FieldChange>) {
    let only_b = b.keys().filter(|k| !a.contains_key(*k));
    for key in a.keys().chain(only_b) {
        walk(&joined(path, key), a.get(key), b.get(key), out);
    }
}

fn joined(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (true, _) => key.to_owned(),
        (false, false) => format!("{path}.{key}"),
        (false, true) => format!("{path}[\"{key}\"]"),
    }
}
