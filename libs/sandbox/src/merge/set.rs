//! Sets of field paths, in the form of `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Node, node};

/// A set of paths: a tree of path elements (`f:name`, `k:{…}`, `v:…`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set(BTreeMap<String, Entry>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    /// Whether the path that ends here is of the set.
    member: bool,
    below: Set,
}

impl Set {
    /// Reads `fieldsV1`.
    pub(crate) fn parse(fields: &Value) -> Self {
        let entries = fields.as_object().into_iter().flatten().filter(|(key, _)| *key != ".");
        Self(entries.map(|(key, below)| (key.clone(), Entry::parse(below))).collect())
    }

    /// Writes `fieldsV1`.
    pub(crate) fn fields(&self) -> Value {
        Value::Object(self.0.iter().map(|(key, entry)| (key.clone(), entry.fields())).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert<S: AsRef<str>>(&mut self, path: &[S]) {
        let Some((first, rest)) = path.split_first() else { return };
        let entry = match self.0.get_mut(first.as_ref()) {
            Some(entry) => entry,
            None => self.0.entry(first.as_ref().to_owned()).or_default(),
        };
        if rest.is_empty() { entry.member = true } else { entry.below.insert(rest) }
    }

    /// Whether the element itself is a member.
    pub(crate) fn has(&self, element: &str) -> bool {
        self.0.get(element).is_some_and(|e| e.member)
    }

    /// What lies below an element, if anything does.
    pub(crate) fn below(&self, element: &str) -> Option<&Self> {
        self.0.get(element).map(|e| &e.below).filter(|s| !s.is_empty())
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (key, entry) in &other.0 {
            let mine = out.0.entry(key.clone()).or_default();
            mine.member |= entry.member;
            mine.below = mine.below.union(&entry.below);
        }
        out
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.filter(|key, entry| match other.0.get(key) {
            None => Some(entry.clone()),
            Some(o) => Entry::new(entry.member && !o.member, entry.below.difference(&o.below)),
        })
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.filter(|key, entry| {
            let o = other.0.get(key)?;
            Entry::new(entry.member && o.member, entry.below.intersection(&o.below))
        })
    }

    /// Without one top field and all below it.
    pub(crate) fn without(&self, field: &str) -> Self {
        self.filter(|key, entry| (key != field).then(|| entry.clone()))
    }

    fn filter(&self, keep: impl Fn(&str, &Entry) -> Option<Entry>) -> Self {
        Self(self.0.iter().filter_map(|(key, entry)| Some((key.clone(), keep(key, entry)?))).collect())
    }

    /// With every field that the schema names and that leads to a member made a member too.
    pub(crate) fn with_named_fields(&self, node: Node) -> Self {
        let widen = |(key, entry): (&String, &Entry)| {
            let name = key.strip_prefix("f:");
            let child = name.map_or_else(|| node.item(), |name| node.field(name));
            let member = entry.member || (!entry.below.is_empty() && name.is_some_and(|name| node.names(name)));
            (key.clone(), Entry { member, below: entry.below.with_named_fields(child) })
        };
        Self(self.0.iter().map(widen).collect())
    }

    /// Every path, as the API server's messages print it.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, paths: &mut Vec<String>) {
        for (key, entry) in &self.0 {
            let path = format!("{prefix}{}", node::display(key));
            entry.below.collect(&path, paths);
            if entry.member {
                paths.push(path);
            }
        }
    }
}

impl Entry {
    fn new(member: bool, below: Set) -> Option<Self> {
        (member || !below.is_empty()).then_some(Self { member, below })
    }

    fn parse(value: &Value) -> Self {
        let below = Set::parse(value);
        let member = below.is_empty() || value.get(".").is_some();
        Self { member, below }
    }

    fn fields(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.below.is_empty() {
            map.insert(".".to_owned(), json!({}));
        }
        map.extend(self.below.0.iter().map(|(key, entry)| (key.clone(), entry.fields())));
        Value::Object(map)
    }
}
