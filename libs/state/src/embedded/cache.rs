//! Statuses in memory, folded or rendered, within a bound of bytes.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use domain::{
    ObjectRef, ObjectStatus, Problem, TaskKey, TaskStatus,
    status::{RevisionStatus, Transition},
};
use parking_lot::Mutex;

use crate::Rendered;

#[cfg(test)]
mod tests;

/// Many readers at once meet in one shard rarely.
const SHARDS: usize = 64;
/// Two generations a shard: what is read moves to the young one; when that is full, the old one is dropped.
pub(super) struct Cache<V> {
    hasher: RandomState,
    shards: Vec<Mutex<Shard<V>>>,
    /// Bytes of one generation of one shard.
    full: usize,
}

struct Shard<V> {
    young: HashMap<TaskKey, Entry<V>>,
    old: HashMap<TaskKey, Entry<V>>,
    bytes: usize,
    /// Counts what was forgotten: who read the database before that must not keep what was read.
    changes: u64,
}

struct Entry<V> {
    value: V,
    bytes: usize,
}

/// What is kept: cheap to clone, and weighed.
pub(super) trait Kept: Clone {
    /// Bytes that it takes in memory, about, those beside it in the map left out.
    fn weight(&self) -> usize;
}

/// Taken before the database is read.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl<V: Kept> Cache<V> {
    /// A cache of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let shard = || Shard { young: HashMap::new(), old: HashMap::new(), bytes: 0, changes: 0 };
        let shards = (0..SHARDS).map(|_| Mutex::new(shard())).collect();
        Self { hasher: RandomState::new(), shards, full: bytes / SHARDS / 2 }
    }

    fn shard(&self, key: &TaskKey) -> &Mutex<Shard<V>> {
        // The remainder is below `SHARDS`, and so is the index.
        &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize]
    }

    pub(super) fn get(&self, key: &TaskKey) -> Option<V> {
        let mut shard = self.shard(key).lock();
        if let Some(entry) = shard.young.get(key) {
            return Some(entry.value.clone());
        }
        let (key, entry) = shard.old.remove_entry(key)?;
        let value = entry.value.clone();
        shard.insert(key, entry, self.full);
        Some(value)
    }

    pub(super) fn ticket(&self, key: &TaskKey) -> Ticket {
        Ticket(self.shard(key).lock().changes)
    }

    /// Keeps what was read, unless something was forgotten since.
    pub(super) fn keep(&self, key: &TaskKey, value: &V, ticket: Ticket) {
        let mut shard = self.shard(key).lock();
        if shard.changes == ticket.0 {
            let entry = Entry { value: value.clone(), bytes: value.weight() + beside::<V>() };
            shard.insert(key.clone(), entry, self.full);
        }
    }

    pub(super) fn forget(&self, key: &TaskKey) {
        let mut shard = self.shard(key).lock();
        shard.changes += 1;
        shard.old.remove(key);
        if let Some(entry) = shard.young.remove(key) {
            shard.bytes -= entry.bytes;
        }
    }
}

/// What the map takes for one value: its bucket, of which an eighth to a half are empty, and the key's name.
fn beside<V>() -> usize {
    (size_of::<TaskKey>() + size_of::<Entry<V>>()) * 3 / 2 + 32
}

impl<V> Shard<V> {
    fn insert(&mut self, key: TaskKey, entry: Entry<V>, full: usize) {
        if self.bytes + entry.bytes > full {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += entry.bytes;
        if let Some(replaced) = self.young.insert(key, entry) {
            self.bytes -= replaced.bytes;
        }
    }
}

/// Bytes of a text on the heap, its allocation's overhead included.
fn text(text: &str) -> usize {
    text.len() + 16
}

impl Kept for Rendered {
    fn weight(&self) -> usize {
        self.json.len() + 48
    }
}

impl Kept for Arc<TaskStatus> {
    fn weight(&self) -> usize {
        let objects: usize = self.objects.iter().map(object).sum();
        let revisions: usize = self.revisions.iter().map(revision).sum();
        let kept = self.kept.len() * (size_of::<ObjectRef>() + 64);
        size_of::<TaskStatus>() + 96 + objects + revisions + kept
    }
}

fn object(seen: &ObjectStatus) -> usize {
    let ObjectStatus { object, reason, message, .. } = seen;
    let texts = [&object.namespace, &object.api_version, &object.kind, &object.name, reason, message];
    size_of::<ObjectStatus>() + texts.iter().map(|t| text(t)).sum::<usize>()
}

fn revision(revision: &RevisionStatus) -> usize {
    let transitions = revision.transitions.len() * (size_of::<Transition>() + 32);
    let added: usize = revision.added.iter().map(|line| size_of::<String>() + text(line)).sum();
    let problems: usize = revision.problems.iter().map(|p| size_of::<Problem>() + 64 + text(&p.message)).sum();
    size_of::<RevisionStatus>() + transitions + added + problems
}
