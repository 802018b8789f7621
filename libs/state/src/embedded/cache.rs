//! Folded statuses in memory, within a bound of bytes.

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

#[cfg(test)]
mod tests;

/// Many readers at once meet in one shard rarely.
const SHARDS: usize = 64;
/// Of all shards. A status takes 1 KiB with one object, 2 KiB with five: some 100,000 of them stay in memory,
/// and what is not there is folded from the database. Only what was read takes room.
const BYTES: usize = 256 << 20;

/// Two generations a shard: what is read moves to the young one; when that is full, the old one is dropped.
pub(super) struct Cache {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    /// Bytes of one generation of one shard.
    full: usize,
}

#[derive(Default)]
struct Shard {
    young: HashMap<TaskKey, Entry>,
    old: HashMap<TaskKey, Entry>,
    bytes: usize,
    /// Counts what was forgotten: who read the database before that must not keep what was read.
    changes: u64,
}

#[derive(Clone)]
struct Entry {
    status: Arc<TaskStatus>,
    bytes: usize,
}

/// Taken before the database is read.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Default for Cache {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Cache {
    fn new(bytes: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards, full: bytes / SHARDS / 2 }
    }

    fn shard(&self, key: &TaskKey) -> &Mutex<Shard> {
        // The remainder is below `SHARDS`, and so is the index.
        &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize]
    }

    pub(super) fn get(&self, key: &TaskKey) -> Option<Arc<TaskStatus>> {
        let mut shard = self.shard(key).lock();
        if let Some(entry) = shard.young.get(key) {
            return Some(Arc::clone(&entry.status));
        }
        let (key, entry) = shard.old.remove_entry(key)?;
        let status = Arc::clone(&entry.status);
        shard.insert(key, entry, self.full);
        Some(status)
    }

    pub(super) fn ticket(&self, key: &TaskKey) -> Ticket {
        Ticket(self.shard(key).lock().changes)
    }

    /// Keeps what was read, unless something was forgotten since.
    pub(super) fn keep(&self, key: &TaskKey, status: &Arc<TaskStatus>, ticket: Ticket) {
        let mut shard = self.shard(key).lock();
        if shard.changes == ticket.0 {
            let entry = Entry { status: Arc::clone(status), bytes: weight(status) };
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

impl Shard {
    fn insert(&mut self, key: TaskKey, entry: Entry, full: usize) {
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

/// What a status takes in memory, about.
fn weight(status: &TaskStatus) -> usize {
    let objects: usize = status.objects.iter().map(object).sum();
    let revisions: usize = status.revisions.iter().map(revision).sum();
    let kept = status.kept.len() * (size_of::<ObjectRef>() + 64);
    // The key stands in the map, too.
    2 * size_of::<TaskKey>() + size_of::<TaskStatus>() + 64 + objects + revisions + kept
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
