//! What differs between two objects, as sets of paths.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::{Map, Value};

use super::{Node, Set};

/// What differs between two objects.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: Set,
    pub(crate) modified: Set,
    pub(crate) removed: Set,
}

/// What differs between `old` and `new`.
pub(crate) fn compare(node: Node, old: &Value, new: &Value) -> Comparison {
    let mut walk = Walk { path: Vec::new(), out: Comparison::default() };
    walk.descend(node, Some(old), Some(new));
    walk.out
}

impl Comparison {
    pub(crate) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// The same comparison with each of its sets changed.
    pub(crate) fn map(self, change: impl Fn(&Set) -> Set) -> Self {
        Self { added: change(&self.added), modified: change(&self.modified), removed: change(&self.removed) }
    }
}

struct Walk {
    path: Vec<String>,
    out: Comparison,
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}

impl Walk {
    fn descend(&mut self, node: Node, old: Option<&Value>, new: Option<&Value>) {
        if matches!(node, Node::Leaf) || (is_empty(old) && is_empty(new)) {
            return self.leaf(old, new);
        }
        if node.is_list() {
            self.list(node, old, new)
        } else {
            self.map(node, old, new)
        }
        match (old, new) {
            (None, Some(_)) => self.out.added.insert(&self.path),
            (Some(_), None) => self.out.removed.insert(&self.path),
            _ => {}
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.out.added.insert(&self.path),
            (Some(_), None) => self.out.removed.insert(&self.path),
            (Some(old), Some(new)) if old != new => self.out.modified.insert(&self.path),
            _ => {}
        }
    }

    fn at(&mut self, element: String, node: Node, old: Option<&Value>, new: Option<&Value>) {
        self.path.push(element);
        self.descend(node, old, new);
        self.path.pop();
    }

    fn map(&mut self, node: Node, old: Option<&Value>, new: Option<&Value>) {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let old = old.and_then(Value::as_object).unwrap_or(&NONE);
        let new = new.and_then(Value::as_object).unwrap_or(&NONE);
        let only_new = new.keys().filter(|k| !old.contains_key(*k));
        for key in old.keys().chain(only_new) {
            let (l, r) = (old.get(key), new.get(key));
            // The common case, and much cheaper than a walk.
            if l != r {
                self.at(format!("f:{key}"), node.field(key), l, r);
            }
        }
    }

    fn list(&mut self, node: Node, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (index(node, old), index(node, new));
        let elements: BTreeSet<&String> = old.iter().chain(&new).map(|(element, _)| element).collect();
        for element in elements {
            let of = |list: &[(String, Value)]| -> Vec<Value> {
                list.iter().filter(|(e, _)| e == element).map(|(_, v)| v.clone()).collect()
            };
            self.item(node, element, &of(&old), &of(&new));
        }
    }

    /// Duplicates are compared as one value, and are marked by their element.
    fn item(&mut self, node: Node, element: &str, old: &[Value], new: &[Value]) {
        self.path.push(element.to_owned());
        match (old.len(), new.len()) {
            (0..=1, 0..=1) => self.descend(node.item(), old.first(), new.first()),
            (2.., 2..) if old != new => self.out.modified.insert(&self.path),
            (2.., 0..=1) => {
                if !new.is_empty() {
                    self.descend(node.item(), None, new.first());
                }
                self.out.removed.insert(&self.path);
            }
            (0..=1, 2..) => {
                if !old.is_empty() {
                    self.descend(node.item(), old.first(), None);
                }
                self.out.added.insert(&self.path);
            }
            _ => {}
        }
        self.path.pop();
    }
}

fn index(node: Node, list: Option<&Value>) -> Vec<(String, Value)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| Some((node.element(item).ok()?, item.clone()))).collect()
}
