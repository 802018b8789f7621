//! Walks over one or two objects by schema: their paths, their merge, an object without some paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Node, Set};

/// The paths that an object sets.
pub(crate) fn paths(node: Node, value: &Value) -> Set {
    let mut set = Set::default();
    collect(node, value, &mut Vec::new(), &mut set);
    set
}

fn collect(node: Node, value: &Value, path: &mut Vec<String>, set: &mut Set) {
    match node {
        Node::Leaf => set.insert(path),
        Node::Struct(_) | Node::Map(_) => {
            for (key, child) in value.as_object().into_iter().flatten() {
                path.push(format!("f:{key}"));
                collect(node.field(key), child, path, set);
                let empty = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                if empty || !node.names(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Node::Set | Node::Keyed(..) => collect_items(node, value, path, set),
    }
}

fn collect_items(node: Node, value: &Value, path: &mut Vec<String>, set: &mut Set) {
    let items: Vec<(String, &Value)> =
        list(value).iter().filter_map(|item| Some((node.element(item).ok()?, item))).collect();
    for (element, item) in &items {
        path.push(element.clone());
        if items.iter().filter(|(e, _)| e == element).count() == 1 {
            collect(node.item(), item, path, set);
        }
        set.insert(path);
        path.pop();
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Checks that every item of every merged list can be told apart: no duplicates, keys present.
pub(crate) fn check_items(node: Node, value: &Value, path: &str) -> Result<(), String> {
    match node {
        Node::Leaf => Ok(()),
        Node::Struct(_) | Node::Map(_) => value
            .as_object()
            .into_iter()
            .flatten()
            .try_for_each(|(key, child)| check_items(node.field(key), child, &format!("{path}.{key}"))),
        Node::Set | Node::Keyed(..) => {
            let mut seen = BTreeSet::new();
            list(value).iter().enumerate().try_for_each(|(place, item)| {
                let element = node.element(item).map_err(|why| format!("{path}: element {place}: {why}"))?;
                let shown = super::node::display(&element);
                if !seen.insert(element) {
                    return Err(format!("{path}: duplicate entries for key {shown}"));
                }
                check_items(node.item(), item, &format!("{path}{shown}"))
            })
        }
    }
}

/// `live` with `applied` laid over it.
pub(crate) fn merge(node: Node, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    match (node, live, applied) {
        (_, None, None) => None,
        (Node::Leaf, _, Some(applied)) => Some(applied.clone()),
        (_, Some(live), None) => Some(live.clone()),
        (Node::Set | Node::Keyed(..), live, applied) => Some(Value::Array(merge_lists(node, live, applied))),
        (Node::Struct(_) | Node::Map(_), live, applied) => Some(merge_maps(node, live, applied)),
    }
}

fn merge_maps(node: Node, live: Option<&Value>, applied: Option<&Value>) -> Value {
    let mut out = live.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in applied.and_then(Value::as_object).into_iter().flatten() {
        let merged = merge(node.field(key), out.get(key), Some(value)).unwrap_or_default();
        out.insert(key.clone(), merged);
    }
    Value::Object(out)
}

/// The applied order holds among the items of both; live items keep their places around them.
fn merge_lists(node: Node, live: Option<&Value>, applied: Option<&Value>) -> Vec<Value> {
    let index = |value: Option<&Value>| -> Vec<(String, Value)> {
        let items = value.map(list).unwrap_or_default().iter();
        items.filter_map(|item| Some((node.element(item).ok()?, item.clone()))).collect()
    };
    let (left, right) = (index(live), index(applied));
    let of_left: BTreeMap<&String, &Value> = left.iter().rev().map(|(e, v)| (e, v)).collect();
    let in_right: BTreeSet<&String> = right.iter().map(|(e, _)| e).collect();
    let mut shared = right.iter().map(|(e, _)| e).filter(|e| of_left.contains_key(e));
    let mut next = shared.next();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let mut merged = BTreeSet::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if let Some((element, item)) = left.get(l) {
            let shared = in_right.contains(element);
            let here = right.get(r).is_some_and(|(e, _)| e == element);
            let later = shared && r < right.len() && !here && next.is_some_and(|n| n != element);
            if !shared {
                out.push(item.clone());
            }
            if !shared || later {
                l += 1;
                continue;
            }
            // A shared item is taken below, at its place in the applied order.
            if here || merged.contains(element) {
                l += 1;
            }
        }
        let Some((element, item)) = right.get(r) else { continue };
        out.extend(merge(node.item(), of_left.get(element).copied(), Some(item)));
        merged.insert(element);
        r += 1;
        if next == Some(element) {
            next = shared.next();
        }
    }
    out
}

/// The object without those paths; containers that were only thinned out stay, empty.
pub(crate) fn remove(node: Node, value: &Value, paths: &Set) -> Value {
    match (node, value) {
        (Node::Struct(_) | Node::Map(_), Value::Object(map)) => {
            let kept = map.iter().filter_map(|(key, child)| {
                let element = format!("f:{key}");
                Some((key.clone(), thin(node.field(key), child, paths, &element)?))
            });
            Value::Object(kept.collect())
        }
        (Node::Set | Node::Keyed(..), Value::Array(items)) => {
            let kept = items.iter().filter_map(|item| {
                let element = node.element(item).ok()?;
                thin(node.item(), item, paths, &element)
            });
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}

fn thin(node: Node, child: &Value, paths: &Set, element: &str) -> Option<Value> {
    if paths.has(element) {
        return None;
    }
    Some(paths.below(element).map_or_else(|| child.clone(), |below| remove(node, child, below)))
}
