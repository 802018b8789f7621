//! Field managers: `metadata.managedFields`, and what an apply or an update does to it.

use serde_json::{Map, Value, json};

use super::{Comparison, Node, Set, compare, walk};
use crate::{
    failure::{Cause, Failure},
    json::{items, text},
};

/// One manager's entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) apply: bool,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: Option<String>,
    pub(crate) set: Set,
}

/// An object's managers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Managers(pub(crate) Vec<Entry>);

/// Metadata that nobody owns.
const STRIPPED: [&[&str]; 12] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:clusterName"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:managedFields"],
    &["f:metadata", "f:resourceVersion"],
];

impl Entry {
    /// An entry that owns nothing yet.
    pub(crate) fn new(manager: &str, apply: bool, api_version: &str, subresource: &str) -> Self {
        let (manager, api_version) = (manager.to_owned(), api_version.to_owned());
        Self { manager, apply, api_version, subresource: subresource.to_owned(), time: None, set: Set::default() }
    }

    fn parse(value: &Value) -> Self {
        Self {
            time: value["time"].as_str().map(str::to_owned),
            set: Set::parse(&value["fieldsV1"]),
            ..Self::new(
                text(value, "manager"),
                text(value, "operation") == "Apply",
                text(value, "apiVersion"),
                text(value, "subresource"),
            )
        }
    }

    fn body(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        put("manager", self.manager.clone().into());
        put("operation", if self.apply { "Apply" } else { "Update" }.into());
        put("apiVersion", self.api_version.clone().into());
        if let Some(time) = &self.time {
            put("time", time.clone().into());
        }
        put("fieldsType", "FieldsV1".into());
        put("fieldsV1", self.set.fields());
        if !self.subresource.is_empty() {
            put("subresource", self.subresource.clone().into());
        }
        Value::Object(map)
    }

    fn is(&self, other: &Self) -> bool {
        let same_version = self.apply || self.api_version == other.api_version;
        self.manager == other.manager
            && self.apply == other.apply
            && same_version
            && self.subresource == other.subresource
    }

    fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {:?}", self.subresource);
        }
        if self.apply { shown } else { format!("{shown} using {}", self.api_version) }
    }
}

/// Of a subresource's or an object's writes: the part of the object that they may own.
fn owned(subresource: &str, set: &Set) -> Set {
    match subresource {
        "" => set.without("f:status"),
        "status" => set.without("f:spec"),
        _ => set.clone(),
    }
}

fn stripped(set: &Set) -> Set {
    let mut all = Set::default();
    STRIPPED.iter().for_each(|path| all.insert(path));
    set.difference(&all)
}

impl Managers {
    /// Reads `metadata.managedFields` of an object.
    pub(crate) fn of(object: &Value) -> Self {
        Self(items(object, "metadata.managedFields").iter().map(Entry::parse).collect())
    }

    /// The body of `metadata.managedFields`.
    pub(crate) fn body(&self) -> Value {
        let mut sorted: Vec<&Entry> = self.0.iter().collect();
        let key = |e: &Entry| (!e.apply, e.time.clone().unwrap_or_default(), e.manager.clone(), e.subresource.clone());
        sorted.sort_by_key(|e| key(e));
        Value::Array(sorted.into_iter().map(Entry::body).collect())
    }

    /// Applies a configuration: the merged object, or null where nothing changes; and the managers after it.
    pub(crate) fn apply(
        mut self,
        node: Node,
        (live, applied): (&Value, &Value),
        (mut entry, now): (Entry, &str),
        force: bool,
    ) -> Result<(Option<Value>, Self), Failure> {
        let merged = walk::merge(node, Some(live), Some(applied)).unwrap_or_else(|| json!({}));
        entry.set = owned(&entry.subresource, &walk::paths(node, applied));
        let before = self.0.iter().position(|e| e.is(&entry)).map(|place| self.0.remove(place));
        entry.time = before.as_ref().and_then(|e| e.time.clone());
        self.0.push(entry.clone());
        let last = before.map(|e| e.set).unwrap_or_default();
        let pruned = if last.is_empty() { merged } else { self.prune(node, merged, &last) };
        let comparison = self.take(node, (live, &pruned), &entry, force)?;
        let same = comparison.is_same();
        if let Some(mine) = self.0.iter_mut().find(|e| e.is(&entry)) {
            mine.set = stripped(&mine.set);
            if !same {
                mine.time = Some(now.to_owned());
            }
        }
        self.0.retain(|e| !e.set.is_empty());
        Ok(((!same).then_some(pruned), self))
    }

    /// Notes who changed what in an update.
    pub(crate) fn update(mut self, node: Node, (old, new): (&Value, &Value), (mut entry, now): (Entry, &str)) -> Self {
        // Of an update nothing is refused: it takes what it changes.
        let nobody = Entry::new("current-operation", false, &entry.api_version, &entry.subresource);
        let Ok(comparison) = self.take(node, (old, new), &nobody, true) else { return self };
        let changed = comparison.modified.union(&comparison.added);
        let mut set = stripped(&owned(&entry.subresource, &changed));
        if !set.is_empty() {
            if let Some(place) = self.0.iter().position(|e| e.is(&entry)) {
                set = set.union(&self.0.remove(place).set);
            }
            entry.set = set;
            entry.time = Some(now.to_owned());
            self.0.push(entry);
        }
        self
    }

    /// Takes what changes from the other managers; a conflict where they own it and `force` is not given.
    fn take(
        &mut self,
        node: Node,
        (old, new): (&Value, &Value),
        entry: &Entry,
        force: bool,
    ) -> Result<Comparison, Failure> {
        let comparison = compare(node, old, new).map(|set| owned(&entry.subresource, set));
        let changed = comparison.modified.union(&comparison.added);
        let others = || self.0.iter().filter(|e| !e.is(entry));
        let conflicts: Vec<(&Entry, Set)> =
            others().map(|e| (e, e.set.intersection(&changed))).filter(|(_, set)| !set.is_empty()).collect();
        if !force && !conflicts.is_empty() {
            return Err(refusal(&conflicts));
        }
        for other in self.0.iter_mut().filter(|e| !e.is(entry)) {
            other.set = other.set.difference(&changed.intersection(&other.set)).difference(&comparison.removed);
        }
        self.0.retain(|e| e.is(entry) || !e.set.is_empty());
        Ok(comparison)
    }

    /// Removes what the manager applied last time, does not apply now, and nobody else owns.
    fn prune(&self, node: Node, merged: Value, last: &Set) -> Value {
        let named = |set: &Set| set.with_named_fields(node);
        let pruned = walk::remove(node, &merged, &named(last));
        let owned = self.0.iter().fold(Set::default(), |all, e| all.union(&e.set));
        let all = named(&walk::paths(node, &merged));
        let keep = named(&walk::paths(node, &pruned)).union(&named(&owned));
        let with_owned = walk::remove(node, &merged, &all.difference(&keep));
        let gone = all.difference(&named(&walk::paths(node, &with_owned))).intersection(&named(last));
        walk::remove(node, &merged, &gone)
    }
}

fn refusal(conflicts: &[(&Entry, Set)]) -> Failure {
    let each: Vec<(String, String)> =
        conflicts.iter().flat_map(|(entry, set)| set.paths().into_iter().map(|path| (entry.shown(), path))).collect();
    let causes: Vec<Cause> = each.iter().map(|(manager, path)| cause(manager, path)).collect();
    if let [(manager, path)] = &each[..] {
        let message = format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
        return Failure::managers(message, &causes);
    }
    let mut lines = Vec::new();
    for (entry, set) in conflicts {
        lines.push(format!("conflicts with {}:", entry.shown()));
        lines.extend(set.paths().iter().map(|path| format!("- {path}")));
    }
    Failure::managers(format!("Apply failed with {} conflicts: {}", each.len(), lines.join("\n")), &causes)
}

fn cause(manager: &str, path: &str) -> Cause {
    Cause { reason: "FieldManagerConflict", message: format!("conflict with {manager}"), field: path.to_owned() }
}
