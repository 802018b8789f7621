//! Folded statuses in memory, within a bound of bytes.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use domain::{TaskKey, TaskStatus};
use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// Many readers at once meet in one shard rarely.
const SHARDS: usize = 64;
/// Of all shards: a status of a few objects takes 2 to 4 KiB, so 20,000 to 40,000 of them; others are folded
/// from the database in tens of microseconds.
const BYTES: usize = 96 << 20;
/// What an entry takes beside its facts' bytes.
const OVERHEAD: usize = 600;

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
    pub(super) fn keep(&self, key: &TaskKey, status: &Arc<TaskStatus>, bytes: usize, ticket: Ticket) {
        let mut shard = self.shard(key).lock();
        if shard.changes == ticket.0 {
            // In memory a fact's words take about twice their bytes in JSON.
            let entry = Entry { status: Arc::clone(status), bytes: 2 * bytes + OVERHEAD };
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
