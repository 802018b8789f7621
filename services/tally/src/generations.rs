//! Which generation of counters is each contest's, asked of the ledger once a second.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use ballots::Known;
use parking_lot::Mutex;

use crate::Tally;

/// How long a generation that was followed by the next may still be counted in and read. What was counted there is
/// fed to the next one by the sweeper.
pub const FRESH: Duration = Duration::from_secs(1);

/// What the ledger said last.
#[derive(Default)]
pub struct Generations(Mutex<Option<(Instant, HashMap<String, Known>)>>);

impl Generations {
    /// Forgets what the ledger said where it did not know one of these yet.
    pub(crate) fn heed<'a>(&self, mut used: impl Iterator<Item = (&'a str, u16)>) {
        let mut kept = self.0.lock();
        let Some((_, known)) = &*kept else { return };
        let knows = |(contest, slot)| known.get(contest).is_some_and(|known: &Known| known.slots.contains(&slot));
        if !used.all(knows) {
            *kept = None;
        }
    }
}

impl Tally {
    /// As [`Tally::known`], to be read only: where the ledger does not answer, what it said last.
    pub(crate) async fn last_known(&self, contest: &str) -> Result<Known, ballots::Error> {
        let error = match self.known(contest).await {
            Ok(known) => return Ok(known),
            Err(error) => error,
        };
        let kept = self.0.generations.0.lock();
        let last = kept.as_ref().and_then(|(_, known)| known.get(contest).cloned());
        last.ok_or(error)
    }

    /// The contest as the ledger knows it; one that it does not know yet has its first generation and no slots.
    pub(crate) async fn known(&self, contest: &str) -> Result<Known, ballots::Error> {
        let first = || Known { name: contest.to_owned(), generation: 1, slots: vec![] };
        {
            let kept = self.0.generations.0.lock();
            if let Some((at, known)) = &*kept
                && at.elapsed() < FRESH
            {
                return Ok(known.get(contest).cloned().unwrap_or_else(first));
            }
        }
        let known: HashMap<_, _> =
            self.ballots().contests().await?.into_iter().map(|known| (known.name.clone(), known)).collect();
        let found = known.get(contest).cloned().unwrap_or_else(first);
        *self.0.generations.0.lock() = Some((Instant::now(), known));
        Ok(found)
    }
}
