//! The form in which the API server keeps an object: its Go types drop what is empty and spell quantities one way.

use base64::{Engine, engine::general_purpose::STANDARD};
use schema::{Primitive, Shape, Type};
use serde_json::{Map, Value};

use crate::{
    json::{map, place, remove},
    resource::Resource,
};

/// Fields that Go keeps when they are zero, because they are pointers or are always written.
const KEPT_WHEN_ZERO: &[&str] = &[
    "activeDeadlineSeconds",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "availableReplicas",
    "averageUtilization",
    "backoffLimit",
    "backoffLimitPerIndex",
    "blockOwnerDeletion",
    "collisionCount",
    "completions",
    "controller",
    "currentHealthy",
    "default",
    "defaultMode",
    "desiredHealthy",
    "desiredReplicas",
    "disruptionsAllowed",
    "enableServiceLinks",
    "exitCode",
    "expectedPods",
    "expirationSeconds",
    "failedJobsHistoryLimit",
    "failed",
    "fsGroup",
    "generation",
    "gracePeriodSeconds",
    "hostProcess",
    "hostUsers",
    "immutable",
    "ingressClassName",
    "key",
    "kind",
    "lun",
    "manualSelector",
    "maxFailedIndexes",
    "maxReplicas",
    "maxSurge",
    "maxUnavailable",
    "minAvailable",
    "minReplicas",
    "mode",
    "name",
    "optional",
    "parallelism",
    "partition",
    "path",
    "priority",
    "privileged",
    "progressDeadlineSeconds",
    "procMount",
    "ready",
    "readOnlyRootFilesystem",
    "replicas",
    "restartCount",
    "revision",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seconds",
    "serviceName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "stabilizationWindowSeconds",
    "started",
    "start",
    "startingDeadlineSeconds",
    "status",
    "storageClassName",
    "succeededCount",
    "successfulJobsHistoryLimit",
    "suspend",
    "terminating",
    "terminationGracePeriodSeconds",
    "topologyKey",
    "tolerationSeconds",
    "ttlSecondsAfterFinished",
    "type",
];

/// Brings an object into the API server's form.
pub(crate) fn normalise(resource: &Resource, object: &mut Value) {
    if resource.kind == "Secret" {
        secret(object);
    }
    struct_fields(resource.shape(), object);
}

/// `stringData` is written into `data`.
fn secret(object: &mut Value) {
    let Value::Object(plain) = remove(object, "stringData") else { return };
    let data = map(place(object, "data"));
    data.extend(plain.into_iter().map(|(k, v)| (k, STANDARD.encode(v.as_str().unwrap_or_default()).into())));
}

fn struct_fields(ty: &Type, value: &mut Value) {
    let Some(fields) = value.as_object_mut() else { return };
    fields.retain(|name, value| {
        let Some(shape) = ty.fields.get(name) else { return true };
        inner(shape, value);
        !droppable(name, shape, value)
    });
}

fn droppable(name: &str, shape: &Shape, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        // A struct that is there and empty means something: emptyDir, podSelector.
        Value::Object(map) => map.is_empty() && shape.reference.is_none(),
        Value::Bool(false) => !KEPT_WHEN_ZERO.contains(&name),
        Value::Number(number) => number.as_i64() == Some(0) && !KEPT_WHEN_ZERO.contains(&name),
        Value::String(text) => text.is_empty() && !KEPT_WHEN_ZERO.contains(&name),
        Value::Bool(true) => false,
    }
}

fn inner(shape: &Shape, value: &mut Value) {
    if let Some(ty) = shape.target() {
        return struct_fields(ty, value);
    }
    match (shape.primitive, value) {
        (Some(Primitive::List), Value::Array(items)) => {
            shape.items.iter().for_each(|s| items.iter_mut().for_each(|v| inner(s, v)));
        }
        (Some(Primitive::Map), Value::Object(values)) => map_values(shape, values),
        (Some(Primitive::Quantity), value) => *value = canonical(value),
        _ => {}
    }
}

fn map_values(shape: &Shape, values: &mut Map<String, Value>) {
    let Some(item) = &shape.values else { return };
    for value in values.values_mut() {
        inner(item, value);
        if value.is_null() && item.primitive == Some(Primitive::String) {
            *value = "".into();
        }
    }
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// A quantity as the API server spells it; what is no quantity is left as it is.
pub(super) fn canonical(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return value.clone(),
    };
    spell(&text).map_or_else(|| value.clone(), Value::String)
}

/// Whether a value reads as a quantity.
pub(super) fn is_quantity(value: &Value) -> bool {
    match value {
        Value::String(text) => spell(text).is_some(),
        value => value.is_number(),
    }
}

fn spell(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    if let Some(power) = BINARY.iter().position(|b| *b == suffix) {
        return Some(binary(number, power)).flatten().or_else(|| Some(text.to_owned()));
    }
    let exponent = match DECIMAL.iter().find(|(s, _)| *s == suffix) {
        Some((_, exponent)) => *exponent,
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    // In units of 10^-9; more than that is rounded up by the API server, and not met here.
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent + 9 - i32::try_from(fraction.len()).ok()?;
    let scale = |n: i32| u32::try_from(n).ok().and_then(|n| 10_i128.checked_pow(n));
    let nano = if shift < 0 { digits / scale(-shift)? } else { digits.checked_mul(scale(shift)?)? };
    if nano == 0 {
        return Some("0".to_owned());
    }
    let fits = DECIMAL.iter().rev().find(|(_, e)| nano % 10_i128.pow(u32::try_from(e + 9).unwrap_or(0)) == 0)?;
    Some(format!("{}{}", nano / 10_i128.pow(u32::try_from(fits.1 + 9).unwrap_or(0)), fits.0))
}

fn binary(number: &str, power: usize) -> Option<String> {
    let number: i128 = number.parse().ok()?;
    if number == 0 {
        return Some("0".to_owned());
    }
    let (mut number, mut power) = (number, power);
    while number % 1024 == 0 && power + 1 < BINARY.len() {
        (number, power) = (number / 1024, power + 1);
    }
    Some(format!("{number}{}", BINARY[power]))
}
