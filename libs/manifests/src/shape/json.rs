//! A checked object as JSON.

use schema::{Primitive, Shape, Type};
use serde_json::{Map, Value};

use super::is_dropped;
use crate::node::Node;

/// The object as JSON, as the API server would read it: null fields are absent, a null text of
/// a map is empty, what is dropped is left out.
pub fn to_json(node: &Node, of: &'static Type) -> Value {
    Value::Object(struct_json(node, of))
}

fn struct_json(node: &Node, of: &'static Type) -> Map<String, Value> {
    let kept = node.entries().iter().filter(|e| !e.value.is_null() && !is_dropped(&e.key, of));
    kept.map(|e| (e.key.clone(), of.fields.get(&e.key).map_or_else(|| e.value.to_json(), |s| json(&e.value, s))))
        .collect()
}

fn json(node: &Node, shape: &'static Shape) -> Value {
    if let Some(of) = shape.target() {
        return Value::Object(struct_json(node, of));
    }
    match (&shape.items, &shape.values) {
        (Some(items), _) => Value::Array(node.items().iter().map(|n| json(n, items)).collect()),
        (_, Some(values)) => {
            Value::Object(node.entries().iter().map(|e| (e.key.clone(), entry(&e.value, values))).collect())
        }
        _ => node.to_json(),
    }
}

fn entry(node: &Node, shape: &'static Shape) -> Value {
    if node.is_null() && shape.primitive != Some(Primitive::Any) {
        Value::String(String::new())
    } else {
        json(node, shape)
    }
}
