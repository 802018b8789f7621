//! Leases in memory. The data folder is locked by this process, so that no other holder can be; and a lease
//! whose process died needs nobody to wait for its end.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::TaskKey;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::Lease;

/// Expired leases are cleared away when this many, or twice what was left of the last time, are held.
const CLEAR_AT: usize = 1_024;

#[derive(Default)]
pub(super) struct Leases(Mutex<Held>);

#[derive(Default)]
struct Held {
    by_task: HashMap<TaskKey, Holding>,
    last_epoch: u64,
    clear_at: usize,
}

struct Holding {
    epoch: u64,
    until: Instant,
}

impl Leases {
    pub(super) fn acquire(&self, key: &TaskKey, holder: &str, ttl: Duration) -> Option<Lease> {
        let (mut held, now) = (self.0.lock(), Instant::now());
        let before = held.by_task.get(key);
        if before.is_some_and(|h| h.until > now) {
            return None;
        }
        let taken_over = before.is_some();
        // From the clock, so that epochs grow over a restart too.
        let clock = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let epoch = clock.max(held.last_epoch + 1);
        held.last_epoch = epoch;
        held.by_task.insert(key.clone(), Holding { epoch, until: now + ttl });
        held.clear(now);
        Some(Lease { key: key.clone(), epoch, holder: holder.to_owned(), taken_over })
    }

    pub(super) fn renew(&self, lease: &Lease, ttl: Duration) -> bool {
        let (mut held, now) = (self.0.lock(), Instant::now());
        match held.by_task.get_mut(&lease.key) {
            Some(holding) if holding.epoch == lease.epoch && holding.until > now => {
                holding.until = now + ttl;
                true
            }
            _ => false,
        }
    }

    pub(super) fn release(&self, lease: &Lease) -> bool {
        let (mut held, now) = (self.0.lock(), Instant::now());
        let ours = held.by_task.get(&lease.key).filter(|h| h.epoch == lease.epoch).map(|h| h.until > now);
        if ours.is_some() {
            held.by_task.remove(&lease.key);
        }
        ours.unwrap_or(false)
    }
}

impl Held {
    fn clear(&mut self, now: Instant) {
        if self.by_task.len() >= self.clear_at.max(CLEAR_AT) {
            self.by_task.retain(|_, holding| holding.until > now);
            self.clear_at = 2 * self.by_task.len();
        }
    }
}
