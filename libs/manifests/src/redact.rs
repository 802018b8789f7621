//! Hides Secrets' values: the one place that decides what of a Secret may be shown.

use domain::SourceFile;
use serde_json::{Map, Value};

use crate::report::Report;

#[cfg(test)]
mod tests;

/// What stands in place of a value.
pub const REDACTED: &str = "[redacted]";

/// What stands for a file of which nobody can tell what it holds.
const HIDDEN: &str = "# not shown: the file may hold a Secret and is not valid YAML\n";

/// The same value with every Secret in it, at any depth, reduced to what names it: `apiVersion`,
/// `kind`, `type`, `metadata.name` and `metadata.namespace`. All else in it is a value, however
/// it is spelt: a field that Kubernetes does not know may be a misspelt `stringData`.
pub fn redact(value: &Value) -> Value {
    match value {
        Value::Object(map) if is_secret(map) => secret(map),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), redact(value))).collect(),
        Value::Array(items) => items.iter().map(redact).collect(),
        scalar => scalar.clone(),
    }
}

/// A file as it was sent where it holds no Secret; else written anew, without Secrets' values
/// and without comments. One that may hold a Secret and cannot be read is not shown.
pub fn redact_source(file: &SourceFile) -> String {
    if !may_hold_a_secret(&file.content) {
        return file.content.clone();
    }
    let mut report = Report::default();
    let documents = crate::read(std::slice::from_ref(file), &mut report);
    if report.errors() > 0 {
        return HIDDEN.to_owned();
    }
    let sent = documents.iter().map(|(_, document)| document.root.to_json()).collect::<Vec<_>>();
    let shown = sent.iter().map(redact).collect::<Vec<_>>();
    if shown == sent {
        return file.content.clone();
    }
    let documents = shown.iter().map(crate::to_yaml).collect::<Vec<_>>();
    format!("# written anew without comments: the file holds a Secret\n{}", documents.join("---\n"))
}

/// Whether a look at the parsed file is needed: without escapes and tags (`!!binary`) a kind has its letters in a row.
fn may_hold_a_secret(text: &str) -> bool {
    text.contains(['\\', '!']) || text.to_ascii_lowercase().contains("secret")
}

fn is_secret(map: &Map<String, Value>) -> bool {
    map.iter().any(|(key, kind)| key.trim().eq_ignore_ascii_case("kind") && names_secret(kind))
}

fn names_secret(kind: &Value) -> bool {
    match kind {
        Value::String(text) => {
            ["Secret", "Secrets", "SecretList"].iter().any(|known| known.eq_ignore_ascii_case(text.trim()))
        }
        Value::Array(kinds) => kinds.iter().any(names_secret),
        _ => false,
    }
}

/// A Secret, or a list of them, whose items need not repeat the kind.
fn secret(map: &Map<String, Value>) -> Value {
    let shown = map.iter().map(|(key, value)| {
        let shown = match (key.as_str(), value) {
            ("apiVersion" | "kind" | "type", Value::String(_)) => value.clone(),
            ("metadata", Value::Object(metadata)) => named(metadata),
            ("items", Value::Array(items)) => items.iter().map(item).collect(),
            _ => veil(value),
        };
        (field(key), shown)
    });
    shown.collect()
}

fn item(value: &Value) -> Value {
    value.as_object().map_or_else(|| veil(value), secret)
}

fn named(metadata: &Map<String, Value>) -> Value {
    let shown = metadata.iter().map(|(key, value)| match (key.as_str(), value) {
        ("name" | "namespace", Value::String(_)) => (key.clone(), value.clone()),
        _ => (field(key), veil(value)),
    });
    shown.collect()
}

/// No scalar of it, and no key that has none.
fn veil(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Array(items) => items.iter().map(veil).collect(),
        Value::Object(map) => {
            map.iter().map(|(k, v)| (if v.is_null() { REDACTED.into() } else { field(k) }, veil(v))).collect()
        }
        _ => REDACTED.into(),
    }
}

/// A key as it may be shown: `{password:VALUE}`, a space forgotten, is a key to YAML.
fn field(key: &str) -> String {
    let valid = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    (if valid { key } else { REDACTED }).to_owned()
}
