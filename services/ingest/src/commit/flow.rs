//! What is admitted and not done: bounded in bytes and in time.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of requests and batches in flight; above, new requests are not accepted.
const IN_FLIGHT_BYTES: usize = 32 << 20;

/// Counts what is in flight.
#[derive(Debug, Default)]
pub struct Flow {
    bytes: AtomicUsize,
    overdue: AtomicUsize,
}

/// A share of what is in flight, until it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    flow: &'a Flow,
    bytes: usize,
}

impl Flow {
    /// Whether new requests are accepted: while the broker is silent, or memory is used up, they are told at once.
    pub fn admits(&self) -> bool {
        self.overdue() == 0 && self.bytes() < IN_FLIGHT_BYTES
    }

    /// Bytes of requests and batches in flight.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Batches whose confirm is overdue.
    pub fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    /// Holds the bytes of a request's body.
    pub fn hold(&self, bytes: usize) -> Held<'_> {
        self.add(bytes);
        Held { flow: self, bytes }
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

impl Held<'_> {
    /// Holds further bytes.
    pub fn grow(&mut self, bytes: usize) {
        self.flow.add(bytes);
        self.bytes += bytes;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.flow.release(self.bytes);
    }
}
