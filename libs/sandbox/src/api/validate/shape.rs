//! An object against its schema: fields, types, required fields, allowed values.

use base64::{Engine, engine::general_purpose::STANDARD};
use schema::{Primitive, Shape, Type};
use serde_json::Value;

use crate::{api::normal, failure::Cause, resource::Resource};

/// The first field that the schema does not know, in the words of a server-side apply.
pub(crate) fn undeclared(resource: &Resource, object: &Value) -> Result<(), String> {
    match unknown(resource, object).first() {
        None => Ok(()),
        Some(field) => Err(format!("{field}: field not declared in schema")),
    }
}

/// Every field that the schema does not know.
pub(super) fn unknown(resource: &Resource, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    fields(resource.shape(), object, "", &mut |path, ty, value| {
        let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
        found.extend(names.filter(|name| !ty.fields.contains_key(*name)).map(|name| format!("{path}.{name}")));
    });
    found
}

/// Calls `visit` for every named type inside.
fn fields(ty: &'static Type, value: &Value, path: &str, visit: &mut impl FnMut(&str, &'static Type, &Value)) {
    visit(path, ty, value);
    for (name, child) in value.as_object().into_iter().flatten() {
        if let Some(shape) = ty.fields.get(name) {
            inside(shape, child, &format!("{path}.{name}"), visit);
        }
    }
}

fn inside(shape: &'static Shape, value: &Value, path: &str, visit: &mut impl FnMut(&str, &'static Type, &Value)) {
    if let Some(ty) = shape.target() {
        if value.is_object() {
            fields(ty, value, path, visit);
        }
    } else if let (Some(item), Some(list)) = (&shape.items, value.as_array()) {
        list.iter().enumerate().for_each(|(n, v)| inside(item, v, &format!("{path}[{n}]"), visit));
    } else if let (Some(item), Some(map)) = (&shape.values, value.as_object()) {
        map.iter().for_each(|(k, v)| inside(item, v, &format!("{path}[{k}]"), visit));
    }
}

/// The first value of a wrong type.
pub(crate) fn types(resource: &Resource, object: &Value) -> Result<(), String> {
    struct_types(resource.shape(), object, "")
}

fn struct_types(ty: &'static Type, value: &Value, path: &str) -> Result<(), String> {
    let Some(map) = value.as_object() else {
        return if value.is_null() { Ok(()) } else { Err(format!("{path}: expected map, got {}", shown(value))) };
    };
    let typed = |(name, child): (&String, &Value)| match ty.fields.get(name) {
        Some(shape) => value_types(shape, child, &format!("{path}.{name}")),
        None => Ok(()),
    };
    map.iter().try_for_each(typed)
}

fn value_types(shape: &'static Shape, value: &Value, path: &str) -> Result<(), String> {
    use Primitive as P;
    if value.is_null() {
        return Ok(());
    }
    if let Some(ty) = shape.target() {
        return struct_types(ty, value, path);
    }
    let expected = match shape.primitive {
        Some(P::String | P::Time) if !value.is_string() => "string",
        Some(P::Boolean) if !value.is_boolean() => "boolean",
        Some(P::Integer | P::Int32 | P::Int64) if value.as_i64().is_none() => "numeric (int or float)",
        Some(P::Number) if !value.is_number() => "numeric (int or float)",
        Some(P::Bytes) if !value.is_string() => "string",
        Some(P::Quantity) if !normal::is_quantity(value) => "quantity",
        Some(P::IntOrString) if !(value.is_string() || value.is_i64() || value.is_u64()) => "string or integer",
        Some(P::List) if !value.is_array() => "list",
        Some(P::Map) if !value.is_object() => "map",
        _ => return contained(shape, value, path),
    };
    Err(format!("{path}: expected {expected}, got {}", shown(value)))
}

/// The first value that has to be base64 and is not, as Go says it.
pub(crate) fn encoded(object: &Value) -> Result<(), String> {
    let of = |field: &str| object.get(field).and_then(Value::as_object).into_iter().flatten();
    // Of a ConfigMap's data nothing is encoded.
    let secret = object["kind"] == "Secret";
    let bytes = of("binaryData").chain(of("data").filter(|_| secret));
    let wrong = |v: &Value| v.as_str().is_some_and(|v| STANDARD.decode(v).is_err());
    match bytes.filter(|(_, v)| wrong(v)).count() {
        0 => Ok(()),
        _ => Err("error decoding from json: illegal base64 data".to_owned()),
    }
}

fn contained(shape: &'static Shape, value: &Value, path: &str) -> Result<(), String> {
    if let (Some(item), Some(list)) = (&shape.items, value.as_array()) {
        return list.iter().enumerate().try_for_each(|(n, v)| value_types(item, v, &format!("{path}[{n}]")));
    }
    if let (Some(item), Some(map)) = (&shape.values, value.as_object()) {
        return map.iter().try_for_each(|(k, v)| value_types(item, v, &format!("{path}.{k}")));
    }
    Ok(())
}

/// As the API server prints a value of a wrong type.
fn shown(value: &Value) -> String {
    format!("&value.valueUnstructured{{Value:{value}}}")
}

/// Required fields that are absent, and values that are not allowed.
pub(super) fn required(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    fields(resource.shape(), object, "", &mut |path, ty, value| {
        let path = path.trim_start_matches('.');
        // Statuses are the controllers' own; the templates of claims are checked with their set.
        if path.starts_with("status") || path.starts_with("metadata") {
            return;
        }
        let field = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let absent = |v: Option<&Value>| v.is_none_or(|v| v.is_null() || v == "");
        let missing = ty.required.iter().filter(|name| absent(value.get(*name)));
        causes.extend(
            missing.filter(|name| !MAY_BE_EMPTY.contains(&name.as_str())).map(|name| Cause::required(field(name), "")),
        );
        for (name, shape) in &ty.fields {
            if let Some(given) = value.get(name) {
                allowed(shape, given, &field(name), causes);
            }
        }
        union(ty, value, path, causes);
    });
}

/// A value that is none of those allowed, or out of its range.
fn allowed(shape: &Shape, given: &Value, field: &str, causes: &mut Vec<Cause>) {
    let fits = |v: &Value| shape.values_allowed.is_empty() || v == "" || shape.values_allowed.contains(v);
    let wrong = match given {
        Value::Array(items) => items.iter().find(|v| !fits(v)),
        value => Some(value).filter(|v| !fits(v)),
    };
    if let Some(wrong) = wrong {
        let allowed: Vec<&str> = shape.values_allowed.iter().filter_map(Value::as_str).collect();
        causes.push(Cause::unsupported(field, wrong, &allowed));
    }
    if let Some((range, number)) = shape.range.zip(given.as_i64()).filter(|(r, n)| *n < r.least || *n > r.most) {
        let detail = match range.most {
            i64::MAX => format!("must be greater than or equal to {}", range.least),
            most => format!("must be between {} and {most}, inclusive", range.least),
        };
        causes.push(Cause::invalid(field, &number.into(), &detail));
    }
}

/// Fields of which one only may stand, and one must.
fn union(ty: &Type, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Some(union) = &ty.union else { return };
    let mut given: Vec<&String> = union.fields.iter().filter(|f| value.get(*f).is_some_and(|v| !v.is_null())).collect();
    // The API server looks at this one first, and names the others.
    given.sort_by_key(|field| *field != "emptyDir");
    if given.is_empty() && union.required {
        causes.push(Cause::required(path, "must specify one of its kinds"));
    }
    for field in given.iter().skip(1) {
        causes.push(Cause::forbidden(format!("{path}.{field}"), "may not specify more than 1 of its kinds"));
    }
}

/// Fields that the schema calls required though an empty value is fine, or is told of elsewhere.
const MAY_BE_EMPTY: [&str; 3] = ["value", "names", "template"];
