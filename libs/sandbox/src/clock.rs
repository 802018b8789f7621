//! The clock of a sandbox.

use jiff::Timestamp;
use parking_lot::Mutex;

/// The clock of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The real time.
    Real,
    /// Begins at this time and moves only by [`Sandbox::advance`](crate::Sandbox::advance).
    Manual(Timestamp),
}

/// A running clock.
#[derive(Debug)]
pub(crate) struct Running(Option<Mutex<Timestamp>>);

impl Running {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(match clock {
            Clock::Real => None,
            Clock::Manual(start) => Some(Mutex::new(start)),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.as_ref().map_or_else(Timestamp::now, |now| *now.lock())
    }

    /// Sets a manual clock.
    pub(crate) fn set(&self, time: Timestamp) {
        *self.0.as_ref().expect("only a manual clock is set").lock() = time;
    }
}
