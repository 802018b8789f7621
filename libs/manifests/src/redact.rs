//! Hides Secrets' values.

use domain::SourceFile;
use serde_json::Value;

/// What stands in place of a value.
pub const REDACTED: &str = "[redacted]";

/// The same object with `data` and `stringData` of Secrets replaced, also inside a `List`, and
/// without kubectl's own note, which repeats them.
pub fn redact(value: &Value) -> Value {
    let mut copy = value.clone();
    hide(&mut copy);
    copy
}

fn hide(value: &mut Value) {
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(hide);
    }
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "Secret" | "SecretList") {
        return;
    }
    for map in ["data", "stringData"] {
        match value.get_mut(map) {
            Some(Value::Object(entries)) => entries.values_mut().for_each(|v| *v = REDACTED.into()),
            Some(other) => *other = REDACTED.into(),
            None => {}
        }
    }
    if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !crate::policy::is_dropped_annotation(key));
    }
}

/// A file as it was sent, without Secrets' values: one that holds a Secret, or that cannot be
/// read, is written anew, without its comments.
pub fn redact_source(file: &SourceFile) -> String {
    if !file.content.contains("Secret") {
        return file.content.clone();
    }
    let (objects, whole) = crate::as_sent(file);
    if !whole {
        return "# not shown: the file may hold a Secret and is not valid YAML\n".to_owned();
    }
    let documents = objects.iter().map(|o| crate::to_yaml(&redact(o))).collect::<Vec<_>>();
    format!("# written anew without comments: the file holds a Secret\n{}", documents.join("---\n"))
}
