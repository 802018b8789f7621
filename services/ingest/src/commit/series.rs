//! The numbers of a producer's batches of one contest: gap-free, so that the audit can tell what is missing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// Counts batches and ballots of one contest. It outlives the contest's definition.
#[derive(Debug, Default)]
pub struct Series(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    number: u64,
    ballots: u64,
    /// Every number up to it is confirmed.
    floor: u64,
    /// Confirmed above the floor.
    above: BTreeSet<u64>,
    /// The last number that carried ballots.
    filled: u64,
    /// What was last said to be confirmed.
    told: u64,
    /// When the last batch was cut.
    at: Option<Instant>,
}

/// What a batch says of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) cumulative: u64,
    pub(super) confirmed: u64,
}

impl Series {
    /// The next batch's numbers.
    pub(super) fn next(&self, ballots: u32) -> Numbered {
        let mut state = self.0.lock();
        state.number += 1;
        state.ballots += u64::from(ballots);
        if ballots > 0 {
            state.filled = state.number;
        }
        state.told = state.floor;
        state.at = Some(Instant::now());
        Numbered { number: state.number, cumulative: state.ballots, confirmed: state.floor }
    }

    /// A batch is confirmed.
    pub(super) fn confirm(&self, number: u64) {
        let mut state = self.0.lock();
        state.above.insert(number);
        while let Some(next) = state.above.first().copied().filter(|first| *first == state.floor + 1) {
            state.above.remove(&next);
            state.floor = next;
        }
    }

    /// Whether the last ballots are confirmed, nothing was sent for that long, and nobody was told.
    pub(super) fn is_owed_a_beat(&self, quiet: Duration) -> bool {
        let state = self.0.lock();
        let untold = state.told < state.filled && state.filled <= state.floor;
        untold && state.at.is_some_and(|at| at.elapsed() >= quiet)
    }

    /// Whether any batch was made.
    pub(super) fn began(&self) -> bool {
        self.0.lock().number > 0
    }

    /// Batches that are not confirmed.
    pub fn unconfirmed(&self) -> u64 {
        let state = self.0.lock();
        state.number - state.floor - state.above.len() as u64
    }
}
