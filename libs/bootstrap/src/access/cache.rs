//! A small memory of what records said, absence included.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Entries at most: whoever guesses ids must not fill memory.
const ENTRIES: usize = 10_000;

/// What was said of a key, and when.
type Entry<V> = (Instant, Option<Arc<V>>);

pub(super) struct Cache<K, V> {
    ttl: Duration,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// What is remembered of `key`, else what `look` says, which is then remembered.
    pub(super) async fn get<E, F>(&self, key: &K, look: impl FnOnce() -> F) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        let known = self.entries.lock().get(key).filter(|(at, _)| at.elapsed() < self.ttl).cloned();
        if let Some((_, value)) = known {
            return Ok(value);
        }
        let value = look().await?.map(Arc::new);
        let mut entries = self.entries.lock();
        if entries.len() >= ENTRIES {
            entries.clear();
        }
        entries.insert(key.clone(), (Instant::now(), value.clone()));
        Ok(value)
    }

    pub(super) fn clear(&self) {
        self.entries.lock().clear();
    }
}
