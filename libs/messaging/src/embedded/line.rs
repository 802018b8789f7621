//! Queues in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::store::Row;
use crate::Depth;
use crate::topology::{CONSUMABLE, Queue};

/// One a queue of the topology, and one a group: in one process there is nothing to scale out.
#[derive(Default)]
pub(super) struct Lines([Line; CONSUMABLE.len()]);

impl Lines {
    pub(super) fn of(&self, queue: &'static Queue) -> &Line {
        let at = CONSUMABLE.iter().position(|known| known.name == queue.name);
        &self.0[at.expect("every queue is one of the topology's")]
    }
}

/// What waits for a consumer.
#[derive(Default)]
pub(super) struct Line {
    ready: Fifo,
    /// What may crash its consumer: handled alone, one by one.
    suspects: Fifo,
    unacknowledged: AtomicU64,
    consumers: AtomicU64,
}

/// A consumer, or a delivery, that is counted until it is dropped.
pub(super) struct Counted<'a>(&'a AtomicU64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Rows in the order in which they came.
#[derive(Default)]
struct Fifo {
    rows: Mutex<VecDeque<Row>>,
    bytes: AtomicUsize,
    arrived: Notify,
}

impl Fifo {
    fn push(&self, row: Row) {
        self.bytes.fetch_add(row.message.body.len(), Ordering::Relaxed);
        self.rows.lock().push_back(row);
        self.arrived.notify_one();
    }

    /// The next row, waited for; it is counted from the moment at which it does not wait any more.
    async fn pop(&self, taken: &AtomicU64) -> Row {
        loop {
            let popped = {
                let mut rows = self.rows.lock();
                let row = rows.pop_front();
                taken.fetch_add(row.iter().len() as u64, Ordering::Relaxed);
                row
            };
            match popped {
                Some(row) => {
                    self.bytes.fetch_sub(row.message.body.len(), Ordering::Relaxed);
                    // A permit may stand for several messages: wake the next consumer.
                    self.arrived.notify_one();
                    return row;
                }
                None => self.arrived.notified().await,
            }
        }
    }

    fn len(&self) -> u64 {
        self.rows.lock().len() as u64
    }
}

impl Line {
    pub(super) fn push(&self, row: Row) {
        if row.counters.suspect() { self.suspects.push(row) } else { self.ready.push(row) }
    }

    /// The next message to be handled beside others, waited for.
    pub(super) async fn pop(&self) -> Row {
        self.ready.pop(&self.unacknowledged).await
    }

    /// The next message to be handled alone, waited for.
    pub(super) async fn pop_suspect(&self) -> Row {
        self.suspects.pop(&self.unacknowledged).await
    }

    pub(super) fn consumer(&self) -> Counted<'_> {
        self.consumers.fetch_add(1, Ordering::Relaxed);
        Counted(&self.consumers)
    }

    /// One that was popped, counted until this is dropped.
    pub(super) fn delivery(&self) -> Counted<'_> {
        Counted(&self.unacknowledged)
    }

    pub(super) fn depth(&self) -> Depth {
        Depth {
            ready: self.ready.len(),
            unacknowledged: self.unacknowledged.load(Ordering::Relaxed),
            consumers: self.consumers.load(Ordering::Relaxed),
        }
    }

    /// The bytes of what waits.
    pub(super) fn bytes(&self) -> usize {
        self.ready.bytes.load(Ordering::Relaxed)
    }

    /// How many wait to be handled alone.
    pub(super) fn suspects(&self) -> u64 {
        self.suspects.len()
    }
}
