//! One line on a terminal that says how far a cast is.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use super::journal::Journal;

/// Between two showings.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Progress {
    bytes: u64,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// Of a file of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, shown: None, terminal: io::stderr().is_terminal() }
    }

    /// Shows it, where a person sees it and not too often.
    pub fn show(&mut self, journal: &Journal, read: u64) {
        if !self.terminal || self.shown.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.shown = Some(Instant::now());
        let percent = (read.saturating_mul(100) / self.bytes.max(1)).min(100);
        eprint!("\r{percent:>3} %  accepted {}, rejected {}\x1b[K", journal.accepted, journal.rejected);
    }

    /// Clears the line for what comes next.
    pub fn end(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
