//! What gathers in a lane until it is cut.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;

use super::{Outcome, Ticket};

#[cfg(test)]
mod tests;

/// Bytes of segments in a batch: with the largest header it stays within 256 KiB.
pub(super) const SEGMENTS_BYTES: usize = contests::batch::MAX_BYTES - (8 << 10);

/// Ballots that will be one batch.
pub(super) struct Gathered {
    pub(super) ticket: Arc<Ticket>,
    pub(super) segments: Vec<u8>,
    pub(super) ballots: u32,
    /// When the first came.
    pub(super) since: Instant,
}

/// A lane's batches in the making, the last one open.
#[derive(Default)]
pub(super) struct Gathering {
    batches: VecDeque<Gathered>,
    /// Nobody will cut any more.
    closed: bool,
}

/// Where a request's ballots went.
pub(super) struct Place {
    pub(super) ticket: Arc<Ticket>,
    pub(super) bytes: usize,
    /// Whether nothing waited before.
    pub(super) first: bool,
}

impl Gathering {
    /// Adds ballots of about that many bytes; `None` where nobody will cut any more. What takes more than was thought begins
    /// the next batch: one that is too large would never be confirmed, and hold up all others.
    pub(super) fn add(&mut self, room: usize, ballots: u32, write: impl FnOnce(&mut Vec<u8>)) -> Option<Place> {
        if self.closed {
            return None;
        }
        let first = self.batches.is_empty();
        if self.batches.back().is_none_or(|open| open.segments.len() + room > SEGMENTS_BYTES) {
            let (ticket, segments, since) = (Arc::default(), Vec::with_capacity(room.max(1 << 10)), Instant::now());
            self.batches.push_back(Gathered { ticket, segments, ballots: 0, since });
        }
        let open = self.batches.back_mut().expect("one was pushed where there was none");
        let before = open.segments.len();
        write(&mut open.segments);
        if open.segments.len() > SEGMENTS_BYTES && before > 0 {
            let (segments, since) = (open.segments.split_off(before), Instant::now());
            let (ticket, bytes): (Arc<Ticket>, _) = (Arc::default(), segments.len());
            self.batches.push_back(Gathered { ticket: ticket.clone(), segments, ballots, since });
            return Some(Place { ticket, bytes, first });
        }
        open.ballots += ballots;
        Some(Place { ticket: open.ticket.clone(), bytes: open.segments.len() - before, first })
    }

    /// The next batch.
    pub(super) fn take(&mut self) -> Option<Gathered> {
        self.batches.pop_front()
    }

    /// When the first ballot came that waits.
    pub(super) fn since(&self) -> Option<Instant> {
        self.batches.front().map(|first| first.since)
    }

    /// Ends the lane, if nothing waits.
    pub(super) fn close(&mut self) -> bool {
        self.closed = self.batches.is_empty();
        self.closed
    }

    /// Gives up all that was not published; its bytes and ballots.
    pub(super) fn discard(&mut self) -> (usize, u64) {
        let mut all = (0, 0);
        for batch in self.batches.drain(..) {
            all.0 += batch.segments.len();
            all.1 += u64::from(batch.ballots);
            batch.ticket.settle(Outcome::NotAccepted);
        }
        all
    }
}
