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
        if held.by_task.get(key).is_some_and(|h| h.until > now) {
            return None;
        }
        // From the clock, so that epochs grow over a restart too.
        let clock = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        let epoch = clock.max(held.last_epoch + 1);
        held.last_epoch = epoch;
        held.by_task.insert(key.clone(), Holding { epoch, until: now + ttl });
        held.clear(now);
        Some(Lease { key: key.clone(), epoch, holder: holder.to_owned() })
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

    pub(super) fn release(&self, lease: &Lease) {
        let mut held = self.0.lock();
        if held.by_task.get(&lease.key).is_some_and(|h| h.epoch == lease.epoch) {
            held.by_task.remove(&lease.key);
        }
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
