//! The objects and the log of their changes, by resource version. No I/O, no clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    json::{entries, items, text},
    resource::{Index, RESOURCES, Resource},
};

#[cfg(test)]
mod tests;

/// Where an object is. The namespace of a cluster's own is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) resource: Index,
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// One write: the object as it is after it, nothing where it was removed.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) object: Option<Arc<Value>>,
}

/// One line of the log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Arc<Value>>,
    /// A removed object is the last one, with the version of its removal.
    pub(crate) after: Arc<Value>,
    pub(crate) removed: bool,
}

/// The objects and the log of their changes.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    by_uid: HashMap<String, Key>,
    dependents: HashMap<String, BTreeSet<Key>>,
    by_label: HashMap<String, BTreeSet<Key>>,
    log: VecDeque<Logged>,
    history: usize,
    version: u64,
    compacted: u64,
}

impl Key {
    pub(crate) fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.index(), namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object that knows its kind and name.
    pub(crate) fn of(resource: &Resource, object: &Value) -> Self {
        Self::new(resource, text(object, "metadata.namespace"), text(object, "metadata.name"))
    }

    pub(crate) fn resource(&self) -> &'static Resource {
        &RESOURCES[usize::from(self.resource)]
    }

    /// A text of its own, for example `apps/v1/deployments/default/worker`.
    pub(crate) fn path(&self) -> String {
        let resource = self.resource();
        format!("{}/{}/{}/{}", resource.api_version(), resource.plural, self.namespace, self.name)
    }
}

impl Store {
    /// An empty store that remembers `history` changes for watchers.
    pub(crate) fn new(history: usize, version: u64) -> Self {
        Self { history, version, compacted: version, ..Self::default() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Changes at or before this version are forgotten.
    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<(&Key, &Arc<Value>)> {
        self.by_uid.get(uid).and_then(|key| self.objects.get_key_value(key))
    }

    /// Objects that have an owner reference to `uid`.
    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|key| self.objects.get_key_value(key))
    }

    /// Objects of a resource, in one namespace or (empty) in all, by namespace and name.
    pub(crate) fn list(&self, resource: &Resource, namespace: &str) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        let (index, namespace) = (resource.index(), Arc::<str>::from(namespace));
        let from = Key { resource: index, namespace: namespace.clone(), name: "".into() };
        self.objects
            .range(from..)
            .take_while(move |(k, _)| k.resource == index && (namespace.is_empty() || k.namespace == namespace))
    }

    /// Objects of a resource that carry a label, as [`Store::list`].
    pub(crate) fn labelled(&self, resource: &Resource, namespace: &str, label: &str) -> Vec<(&Key, &Arc<Value>)> {
        let index = resource.index();
        let keys = self.by_label.get(label).into_iter().flatten();
        keys.filter(|k| k.resource == index && (namespace.is_empty() || &*k.namespace == namespace))
            .filter_map(|key| self.objects.get_key_value(key))
            .collect()
    }

    /// All objects.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// The log after `version`, oldest first.
    pub(crate) fn log_after(&self, version: u64) -> impl DoubleEndedIterator<Item = &Logged> {
        let from = self.log.partition_point(|line| line.version <= version);
        self.log.range(from..)
    }

    /// The version of an object's last change after `version`; 0 where it has not changed since.
    pub(crate) fn changed_after(&self, key: &Key, version: u64) -> u64 {
        if version < self.compacted {
            return self.version;
        }
        self.log_after(version).rev().find(|line| line.key == *key).map_or(0, |line| line.version)
    }

    /// The newest line of the log.
    pub(crate) fn last(&self) -> Option<&Logged> {
        self.log.back()
    }

    /// Takes a write; its object carries the version after this one.
    pub(crate) fn commit(&mut self, write: Write) {
        let Write { key, object } = write;
        let before = self.objects.get(&key).cloned();
        self.version += 1;
        if let Some(old) = &before {
            self.unindex(&key, old);
        }
        let after = object.clone().or_else(|| before.clone().map(|old| stamped(&old, self.version)));
        match &object {
            Some(new) => self.index(&key, new),
            None => drop(self.objects.remove(&key)),
        }
        let Some(after) = after else { return };
        self.log.push_back(Logged { version: self.version, key, before, after, removed: object.is_none() });
        while self.log.len() > self.history {
            self.compacted = self.log.pop_front().map_or(self.compacted, |line| line.version);
        }
    }

    /// Puts an object that was stored before, without a line in the log.
    pub(crate) fn restore(&mut self, key: &Key, object: &Arc<Value>) {
        self.index(key, object);
    }

    fn index(&mut self, key: &Key, object: &Arc<Value>) {
        self.by_uid.insert(text(object, "metadata.uid").to_owned(), key.clone());
        for owner in owners(object) {
            self.dependents.entry(owner.to_owned()).or_default().insert(key.clone());
        }
        for label in labels(object) {
            self.by_label.entry(label).or_default().insert(key.clone());
        }
        self.objects.insert(key.clone(), object.clone());
    }

    fn unindex(&mut self, key: &Key, object: &Value) {
        self.by_uid.remove(text(object, "metadata.uid"));
        for owner in owners(object) {
            drop_from(&mut self.dependents, owner, key);
        }
        for label in labels(object) {
            drop_from(&mut self.by_label, &label, key);
        }
    }
}

fn drop_from(index: &mut HashMap<String, BTreeSet<Key>>, entry: &str, key: &Key) {
    if let Some(keys) = index.get_mut(entry) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(entry);
        }
    }
}

fn owners(object: &Value) -> impl Iterator<Item = &str> {
    items(object, "metadata.ownerReferences").iter().map(|owner| text(owner, "uid"))
}

fn labels(object: &Value) -> impl Iterator<Item = String> {
    entries(object, "metadata.labels").map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
}

fn stamped(object: &Value, version: u64) -> Arc<Value> {
    let mut object = object.clone();
    crate::json::put(&mut object, "metadata.resourceVersion", version.to_string());
    Arc::new(object)
}
