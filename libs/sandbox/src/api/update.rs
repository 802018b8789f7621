//! Updates: PUT, merge patches, and the second half of an apply.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Moment, Reply, defaults, normal, prepare, validate, written};
use crate::{
    failure::{Cause, Failure},
    json::{at, int, items, put, remove, text},
    merge::{Entry, Managers, Node},
    store::{Key, Store, Write},
};

pub(super) fn replace(store: &Store, call: &Call, moment: Moment) -> Result<Reply, Failure> {
    let live = call.live(store)?;
    if call.subresource == "scale" {
        return scale(store, call, live, moment);
    }
    call.check_names()?;
    if call.strict {
        validate::unknown_fields(call.resource, &call.body)?;
    }
    changed(store, call, live, call.body.clone(), moment)
}

pub(super) fn patch(store: &Store, call: &Call, moment: Moment) -> Result<Reply, Failure> {
    let live = call.live(store)?;
    if call.subresource == "scale" {
        return scale(store, call, live, moment);
    }
    let mut new = Value::clone(live);
    merge_patch(&mut new, &call.body);
    let patched = Call { body: new.clone(), ..call.clone() };
    patched.check_names()?;
    if call.strict {
        validate::unknown_fields(call.resource, &new)?;
    }
    changed(store, call, live, new, moment)
}

/// RFC 7386.
pub(super) fn merge_patch(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    let target = crate::json::map(value);
    for (key, field) in fields {
        if field.is_null() {
            target.remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), field);
        }
    }
}

/// Only `spec.replicas` is taken from a Scale.
fn scale(store: &Store, call: &Call, live: &Arc<Value>, moment: Moment) -> Result<Reply, Failure> {
    let mut new = Value::clone(live);
    put(&mut new, "spec.replicas", int(&call.body, "spec.replicas", int(live, "spec.replicas", 0)));
    let mut reply = changed(store, call, live, new, moment)?;
    reply.body = Arc::new(scale_of(&reply.body));
    Ok(reply)
}

/// The `autoscaling/v1` Scale of an object.
pub(crate) fn scale_of(object: &Value) -> Value {
    let labels = at(object, "spec.selector.matchLabels").as_object().into_iter().flatten();
    let selector: Vec<String> = labels.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[field] = at(object, &format!("metadata.{field}")).clone();
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": int(object, "spec.replicas", 0)},
        "status": {"replicas": int(object, "status.replicas", 0), "selector": selector.join(",")},
    })
}

fn changed(store: &Store, call: &Call, live: &Arc<Value>, mut new: Value, moment: Moment) -> Result<Reply, Failure> {
    let mut managers = Managers::of(live);
    if items(&new, "metadata.managedFields").len() == 1 && items(&new, "metadata.managedFields")[0] == json!({}) {
        managers = Managers::default();
    }
    validate::types(call.resource, &new).and_then(|()| validate::encoded(&new)).map_err(Failure::bad_request)?;
    normal::normalise(call.resource, &mut new);
    defaults::apply(call.resource, &mut new);
    if managers != Managers::default() {
        let entry = Entry::new(&call.manager, false, &call.resource.api_version(), call.subresource);
        managers = managers.update(Node::of(call.resource.shape()), (live, &new), (entry, &moment.text()));
    }
    finish(store, call, live, new, &managers)
}

/// From a defaulted object to the one that is stored, removed, or left as it was.
pub(super) fn finish(
    store: &Store,
    call: &Call,
    live: &Arc<Value>,
    mut new: Value,
    managers: &Managers,
) -> Result<Reply, Failure> {
    check_identity(call, live, &new)?;
    keep_system_fields(live, &mut new);
    prepare::update(store, call.resource, call.subresource, live, &mut new);
    let causes = validate::update(call.resource, call.subresource, live, &new);
    if !causes.is_empty() {
        return Err(Failure::invalid(call.resource, &call.name, &causes));
    }
    let body = managers.body();
    if body.as_array().is_none_or(Vec::is_empty) {
        remove(&mut new, "metadata.managedFields");
    } else {
        put(&mut new, "metadata.managedFields", body);
    }
    if same_but_times(live, &new) {
        return Ok(Reply { code: 200, body: live.clone(), write: None });
    }
    let gone = !text(&new, "metadata.deletionTimestamp").is_empty()
        && items(&new, "metadata.finalizers").is_empty()
        && int(&new, "metadata.deletionGracePeriodSeconds", 0) == 0
        && (call.resource.kind != "Namespace" || items(&new, "spec.finalizers").is_empty());
    let reply = written(store, call.resource, 200, new);
    if gone {
        let write = Write { key: Key::of(call.resource, live), object: None };
        return Ok(Reply { write: Some(write), ..reply });
    }
    Ok(reply)
}

fn check_identity(call: &Call, live: &Value, new: &Value) -> Result<(), Failure> {
    let (uid, held) = (text(new, "metadata.uid"), text(live, "metadata.uid"));
    if !uid.is_empty() && uid != held {
        // The API server finds this twice, and says so.
        let cause = Cause::immutable("metadata.uid", &uid.into());
        return Err(Failure::invalid(call.resource, &call.name, &[cause.clone(), cause]));
    }
    let version = text(new, "metadata.resourceVersion");
    if !version.is_empty() && version != text(live, "metadata.resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Failure::conflict(call.resource, &call.name, why));
    }
    Ok(())
}

fn keep_system_fields(live: &Value, new: &mut Value) {
    const KEPT: [&str; 9] = [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "namespace",
        "name",
    ];
    for field in KEPT.map(|f| format!("metadata.{f}")) {
        match at(live, &field) {
            Value::Null => drop(remove(new, &field)),
            held => put(new, &field, held.clone()),
        }
    }
}

/// Whether nothing but the times in `managedFields` differs.
fn same_but_times(live: &Value, new: &Value) -> bool {
    let fields = |o: &Value| o["metadata"].as_object().map_or(0, |m| m.len());
    let same = |a: &Value, b: &Value| {
        let plain = |o: &Value| -> Vec<Value> {
            items(o, "metadata.managedFields").iter().cloned().map(|mut e| (remove(&mut e, "time"), e).1).collect()
        };
        let names = || a["metadata"].as_object().into_iter().flatten();
        names().all(|(k, v)| k == "managedFields" || b["metadata"].get(k) == Some(v)) && {
            let (mut a, mut b) = (plain(a), plain(b));
            let key = |v: &Value| format!("{}{}{}", v["manager"], v["operation"], v["subresource"]);
            a.sort_by_key(key);
            b.sort_by_key(key);
            a == b
        }
    };
    let tops = |o: &Value| o.as_object().map_or(0, serde_json::Map::len);
    let body = live.as_object().into_iter().flatten().all(|(k, v)| k == "metadata" || new.get(k) == Some(v));
    body && tops(live) == tops(new) && fields(live) == fields(new) && same(live, new)
}
