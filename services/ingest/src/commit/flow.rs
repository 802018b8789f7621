//! What is admitted and not done, and what has begun to come: bounded in bytes and in time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[cfg(test)]
mod tests;

/// Bytes of batches in flight; above, new requests are not accepted.
const IN_FLIGHT_BYTES: usize = 32 << 20;
/// Bytes of what has begun to come and is not whole: bodies, lines and messages in pieces. A budget of its own, so that
/// slow clients take nothing from votes that arrive whole.
const ARRIVING_BYTES: usize = 16 << 20;
/// What comes in pieces is taken up to this whatever else comes: a vote is smaller, and so is nothing that a connection
/// has anyway.
const SMALL_BYTES: usize = 1 << 10;

/// Counts what is in flight.
#[derive(Debug, Default)]
pub struct Flow {
    bytes: AtomicUsize,
    arriving: AtomicUsize,
    overdue: AtomicUsize,
}

/// What has come of a body, a line or a message that is not whole; given back when it is dropped.
#[derive(Debug)]
pub struct Arriving {
    flow: Arc<Flow>,
    bytes: usize,
}

impl Flow {
    /// Whether new requests are accepted: while the broker is silent, or memory is used up, they are told at once.
    pub fn admits(&self) -> bool {
        self.overdue() == 0 && self.bytes() < IN_FLIGHT_BYTES
    }

    /// Bytes of batches in flight.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of what has begun to come.
    pub fn arriving(&self) -> usize {
        self.arriving.load(Ordering::Relaxed)
    }

    /// Batches whose confirm is overdue.
    pub fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn fell_due(&self) {
        self.overdue.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn came_late(&self) {
        self.overdue.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Arriving {
    /// Nothing yet.
    pub fn new(flow: &Arc<Flow>) -> Self {
        Self { flow: flow.clone(), bytes: 0 }
    }

    /// Holds bytes that came. `false`: there is no room for them, and whoever sends them is to be refused.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let before = self.flow.arriving.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        self.bytes <= SMALL_BYTES || before + bytes <= ARRIVING_BYTES
    }

    /// It is whole: holds nothing more.
    pub fn release(&mut self) {
        self.flow.arriving.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.release();
    }
}
