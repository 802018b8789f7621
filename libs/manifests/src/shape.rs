//! Checks an object against its kind's shape: unknown fields, types, what is required.
//! As strict as the API server with `fieldValidation=Strict`, so that nothing is dropped.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use schema::{ListType, Primitive, Range, Shape, Type, Union};
use serde_json::Value;

use crate::{field::Field, names, node::Data, quantity::Quantity, report::Report};

mod json;

pub use json::to_json;

/// Fields of a root or of metadata that are dropped, and so not checked.
pub const DROPPED: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Required by the documents, but taken as empty or zero by the API server.
const LENIENT: [&str; 3] = ["lun", "value", "apiGroup"];

/// One above the largest number of 64 bits.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Checks an object against its kind's type.
pub fn check(root: &Field<'_>, kind: &'static Type, report: &mut Report) {
    fields(root, kind, report);
}

fn fields(field: &Field<'_>, of: &'static Type, report: &mut Report) {
    if !matches!(field.node.data, Data::Map(_)) {
        return wrong_type(field, "a map of fields", report);
    }
    for (key, child) in field.entries() {
        match of.fields.get(key) {
            None => unknown(&child, key, of, report),
            Some(_) if child.node.is_null() || is_dropped(key, of) => {}
            Some(shape) => value(&child, shape, report),
        }
    }
    for key in of.required.iter().filter(|k| is_missing(field, k, of) && !is_lenient(k, of)) {
        report.error(&field.absent(key), "missing_field", format!("`{key}` is required here; add it"));
    }
    if let Some(union) = &of.union {
        one_only(field, union, report);
    }
}

fn one_only(field: &Field<'_>, union: &'static Union, report: &mut Report) {
    let mut found = union.fields.iter().filter_map(|key| Some((key, field.get(key)?)));
    match (found.next(), found.next()) {
        (Some((first, _)), Some((key, second))) => {
            let message = format!("`{key}` and `{first}` exclude each other; keep one");
            report.error(&second, "one_only", message);
        }
        (None, _) if union.required => {
            let list = if union.fields.len() > 6 { "one source".into() } else { union.fields.join(", ") };
            report.error(field, "missing_field", format!("one of these is required here: {list}"));
        }
        _ => {}
    }
}

/// An empty text is no value of a field that has only some.
fn is_missing(field: &Field<'_>, key: &str, of: &Type) -> bool {
    let limited = of.fields.get(key).is_some_and(|s| !s.values_allowed.is_empty());
    field.get(key).is_none_or(|f| limited && f.text() == Some(""))
}

/// `value` is lenient in an HTTP header and a sysctl only.
fn is_lenient(key: &str, of: &Type) -> bool {
    LENIENT.contains(&key) && (key != "value" || of.fields.len() == 2)
}

/// `metadata` is told by its own field `managedFields`.
fn is_dropped(key: &str, of: &Type) -> bool {
    (key == "status" && of.kind.is_some()) || (of.fields.contains_key("managedFields") && DROPPED.contains(&key))
}

fn unknown(field: &Field<'_>, key: &str, of: &'static Type, report: &mut Report) {
    let message = match names::nearest(key, of.fields.keys().map(String::as_str)) {
        Some(near) => format!("there is no such field: did you mean `{near}`?"),
        None => match belongs(key, of) {
            Some(place) => format!("there is no such field here: it belongs in `{place}`; check the indentation"),
            None => "there is no such field; remove it, or check the indentation".to_owned(),
        },
    };
    report.error(field, "unknown_field", message);
}

/// The field next to it that would take it, one level down.
fn belongs(key: &str, of: &'static Type) -> Option<String> {
    of.fields.iter().filter(|(name, _)| *name != "status").find_map(|(name, shape)| {
        let inner = shape.target().or_else(|| shape.items.as_ref().and_then(|s| s.target()))?;
        let item = if shape.items.is_some() { "[]" } else { "" };
        inner.fields.contains_key(key).then(|| format!("{name}{item}.{key}"))
    })
}

fn value(field: &Field<'_>, shape: &'static Shape, report: &mut Report) {
    if let Some(of) = shape.target() {
        return fields(field, of, report);
    }
    match (shape.primitive, &field.node.data) {
        (Some(Primitive::List), Data::List(_)) => list(field, shape, report),
        (Some(Primitive::Map), Data::Map(_)) => map(field, shape, report),
        (Some(primitive), data) => {
            scalar(field, primitive, data, report);
            range(field, shape, report);
            allowed(field, shape, report);
        }
        (None, _) => {}
    }
}

fn range(field: &Field<'_>, shape: &Shape, report: &mut Report) {
    let (Some(Range { least, most }), Some(number)) = (shape.range, field.int()) else { return };
    if !(least..=most).contains(&number) {
        let bounds = if most == i64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
        report.error(field, "out_of_range", format!("expected {bounds}"));
    }
}

/// An empty text is unset to the API server.
fn allowed(field: &Field<'_>, shape: &Shape, report: &mut Report) {
    let unset = |t: &str| t.is_empty() && shape.items.is_none();
    let Some(text) = field.text().filter(|t| !unset(t) && !shape.values_allowed.is_empty()) else { return };
    let values = || shape.values_allowed.iter().filter_map(|v| v.as_str());
    if !values().any(|v| v == text) {
        let shown = report.show(text);
        let message = match names::nearest(text, values()) {
            Some(near) => format!("{shown} is not a value of this field: did you mean {near}?"),
            None => {
                format!("{shown} is not a value of this field; expected {}", values().collect::<Vec<_>>().join(", "))
            }
        };
        report.error(field, "unknown_value", message);
    }
}

fn list(field: &Field<'_>, shape: &'static Shape, report: &mut Report) {
    let Some(items) = shape.items.as_deref() else { return };
    for item in field.items() {
        if item.node.is_null() {
            report.error(&item, "null_item", "an item of the list is empty; write it or remove its `-`");
        } else {
            value(&item, items, report);
            range(&item, shape, report);
            allowed(&item, shape, report);
        }
    }
    if shape.list != Some(ListType::Atomic) {
        distinct(field, shape, items, report);
    }
}

/// A server-side apply tells the items of such a list apart by their keys.
fn distinct(field: &Field<'_>, shape: &'static Shape, items: &'static Shape, report: &mut Report) {
    let mut seen = HashSet::new();
    for item in field.items() {
        let keys = match shape.keys.as_slice() {
            [] => Some(item.node.to_json().to_string()),
            keys => keys
                .iter()
                .map(|key| identity(&item, key.as_str(), items))
                .collect::<Option<Vec<_>>>()
                .map(|k| k.join("/")),
        };
        let Some(keys) = keys.filter(|k| !k.is_empty()) else {
            // Where the key is a required field that is said already, or it has a default.
            let named = items.reference.as_deref().is_some_and(|r| r.ends_with(".ObjectReference"));
            if let Some(first) = shape.keys.first().filter(|k| named && item.get(k).is_none()) {
                report.error(&item.absent(first), "missing_field", format!("`{first}` is required here; add it"));
            }
            continue;
        };
        if seen.contains(&keys) {
            let at = shape.keys.first().map_or_else(|| item.clone(), |key| item.get_or_absent(key));
            let shown = report.show(&keys);
            report.error(&at, "duplicate", format!("{shown} stands twice in this list; keep one"));
        }
        seen.insert(keys);
    }
}

fn identity(item: &Field<'_>, key: &'static str, items: &'static Shape) -> Option<String> {
    let default = || items.target()?.fields.get(key)?.default.clone();
    let own = item.get(key).map(|f| f.node.to_json()).filter(|v| v.as_str() != Some(""));
    match own.or_else(default)? {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn map(field: &Field<'_>, shape: &'static Shape, report: &mut Report) {
    let Some(values) = shape.values.as_deref() else { return };
    for (_, item) in field.entries() {
        let textual = matches!(values.primitive, Some(Primitive::String | Primitive::Bytes | Primitive::Any));
        if !item.node.is_null() {
            value(&item, values, report);
        } else if !textual {
            report.error(&item, "null_value", "the value is empty; write it or remove the key");
        }
    }
}

fn scalar(field: &Field<'_>, primitive: Primitive, data: &Data, report: &mut Report) {
    let number = if let Data::Number(n) = data { n.as_i64() } else { None };
    match (primitive, data) {
        (Primitive::Any, _) | (Primitive::String, Data::String(_)) | (Primitive::Boolean, Data::Bool(_)) => {}
        (Primitive::Number, Data::Number(_)) | (Primitive::IntOrString, Data::String(_)) => {}
        (Primitive::Integer | Primitive::Int64, _) if number.is_some() => {}
        (Primitive::Int32 | Primitive::IntOrString, _) if number.is_some_and(|n| i32::try_from(n).is_ok()) => {}
        (Primitive::Int32 | Primitive::IntOrString, _) if number.is_some() => {
            report.error(field, "out_of_range", "the number does not fit 32 bits");
        }
        (Primitive::Int32 | Primitive::Int64 | Primitive::Integer | Primitive::IntOrString, _) if is_beyond(data) => {
            let bits = if matches!(primitive, Primitive::Int32 | Primitive::IntOrString) { 32 } else { 64 };
            report.error(field, "out_of_range", format!("the number does not fit {bits} bits"));
        }
        (Primitive::Quantity, Data::Number(_)) => {}
        (Primitive::Quantity, Data::String(text)) => quantity(field, text, report),
        (Primitive::Time, Data::String(text)) => time(field, text, report),
        (Primitive::Bytes, Data::String(text)) => bytes(field, text, report),
        _ => wrong_type(field, wanted(primitive), report),
    }
}

/// Whether it is a whole number beyond 64 bits: such a one is read as a float, or, where that overflows, as text.
fn is_beyond(data: &Data) -> bool {
    match data {
        Data::Number(n) if n.is_f64() => n.as_f64().is_some_and(|n| n.abs() >= TWO_TO_63),
        Data::Number(n) => n.as_i64().is_none(),
        Data::String(text) => {
            let digits = text.trim_start_matches(['-', '+']);
            let hex =
                digits.strip_prefix("0x").is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_hexdigit()));
            let begins = digits.starts_with(|c: char| c.is_ascii_digit());
            hex && u64::from_str_radix(&digits[2..], 16).is_err() || begins && text.parse().is_ok_and(f64::is_infinite)
        }
        _ => false,
    }
}

fn quantity(field: &Field<'_>, text: &str, report: &mut Report) {
    if Quantity::parse(text).is_none() {
        let shown = report.show(text);
        let message = format!("{shown} is not a quantity; write for example 500m, 2, 128Mi or 1Gi");
        report.error(field, "quantity", message);
    }
}

fn time(field: &Field<'_>, text: &str, report: &mut Report) {
    if text.parse::<jiff::Timestamp>().is_err() {
        report.error(field, "time", "not a time; write it as 2026-01-31T12:00:00Z");
    }
}

fn bytes(field: &Field<'_>, text: &str, report: &mut Report) {
    // As Go's decoder, which skips line ends.
    let compact = text.replace(['\n', '\r'], "");
    if STANDARD.decode(&compact).is_err() {
        let message =
            "the value is not base64; encode it, or put it in `stringData` (Secret) or `data` (ConfigMap) as it is";
        report.error(field, "base64", message);
    }
}

fn wanted(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::String | Primitive::Bytes | Primitive::Time => "text",
        Primitive::Boolean => "true or false",
        Primitive::Integer | Primitive::Int32 | Primitive::Int64 => "a whole number",
        Primitive::Number => "a number",
        Primitive::Quantity => "a quantity such as 500m or 128Mi",
        Primitive::IntOrString => "a whole number or text",
        Primitive::List => "a list",
        Primitive::Map => "a map",
        Primitive::Any => "a value",
    }
}

fn wrong_type(field: &Field<'_>, wanted: &'static str, report: &mut Report) {
    let found = field.node.what();
    let advice = match (wanted, &field.node.data) {
        ("text", Data::Bool(_)) => "; put it in quotes (a plain yes, no, on, off, y or n is a boolean)",
        ("text", Data::Number(_)) => "; put it in quotes",
        ("a whole number" | "a number", Data::String(text)) if text.parse::<f64>().is_ok() => {
            "; write it without quotes"
        }
        ("true or false", Data::String(_)) => "; write true or false without quotes",
        ("a list", _) => "; put `- ` before each item",
        ("a map of fields" | "a map", Data::List(_)) => "; remove the `- `",
        _ => "",
    };
    report.error(field, "wrong_type", format!("expected {wanted}, found {found}{advice}"));
}
