//! Reading and writing JSON objects by dotted paths, for example `spec.template.spec`.

use serde_json::{Map, Value};

static NULL: Value = Value::Null;

/// The value at `path`; null where any part of it is absent.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').try_fold(value, |v, field| v.get(field)).unwrap_or(&NULL)
}

/// The text at `path`; empty where it is absent.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The integer at `path`; `otherwise` where it is absent.
pub(crate) fn int(value: &Value, path: &str, otherwise: i64) -> i64 {
    at(value, path).as_i64().unwrap_or(otherwise)
}

/// Whether the value at `path` is `true`.
pub(crate) fn flag(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

/// The items of the list at `path`.
pub(crate) fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The entries of the map at `path`.
pub(crate) fn entries<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    at(value, path).as_object().into_iter().flatten()
}

/// Makes `value` a map and gives it.
pub(crate) fn map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made a map above")
}

/// The place at `path`; absent maps on the way are made, and an absent place holds null.
pub(crate) fn place<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(value, |v, field| map(v).entry(field).or_insert(Value::Null))
}

/// Sets the value at `path`; absent maps on the way are made.
pub(crate) fn put(value: &mut Value, path: &str, new: impl Into<Value>) {
    *place(value, path) = new.into();
}

/// Sets the value at `path` unless there is one.
pub(crate) fn default(value: &mut Value, path: &str, new: impl Into<Value>) {
    let place = place(value, path);
    if place.is_null() {
        *place = new.into();
    }
}

/// Removes and gives the value at `path`; null where there is none.
pub(crate) fn remove(value: &mut Value, path: &str) -> Value {
    let (parent, field) = path.rsplit_once('.').map_or((None, path), |(p, f)| (Some(p), f));
    let parent = match parent {
        Some(parent) => parent.split('.').try_fold(value, |v, f| v.get_mut(f)),
        None => Some(value),
    };
    parent.and_then(Value::as_object_mut).and_then(|m| m.remove(field)).unwrap_or_default()
}

/// The list at `path`, to be changed; nothing where there is none.
pub(crate) fn items_mut<'a>(value: &'a mut Value, path: &str) -> &'a mut [Value] {
    let list = path.split('.').try_fold(value, |v, f| v.get_mut(f)).and_then(Value::as_array_mut);
    list.map(Vec::as_mut_slice).unwrap_or_default()
}
