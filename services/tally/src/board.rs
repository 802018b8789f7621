//! Standings, kept: however many ask, the counters are looked at once in 25 ms, and only slots that changed are read.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use contests::{
    Definition, Gate,
    standings::{Counts, Situation},
};
use futures::future::try_join_all;
use jiff::Timestamp;
use parking_lot::Mutex;
use state::tallies::Slot;

use crate::Tally;

/// How old standings may be.
const FRESH: Duration = Duration::from_millis(25);

/// Every contest's board.
#[derive(Default)]
pub struct Boards(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Board>>>>);

/// What is known of one contest's counters.
#[derive(Default)]
struct Board {
    looked: Option<Instant>,
    generation: u32,
    slots: HashMap<u16, (u64, Counts)>,
    sum: Arc<Counts>,
    version: u64,
}

/// What standings are made of.
#[derive(Clone)]
pub struct State {
    /// The current definition.
    pub definition: Arc<Definition>,
    /// The sum over all slots.
    pub counts: Arc<Counts>,
    /// Whether it is open, settled, and the counters' version.
    pub situation: Situation,
    /// Whether what is settled was looked at late enough after the close.
    pub is_final: bool,
}

impl State {
    /// Whether it says the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counts, &other.counts)
            && (self.situation, self.is_final) == (other.situation, other.is_final)
            && self.definition.revision() == other.definition.revision()
    }
}

/// Why there are no standings.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The ledger does not answer.
    #[error(transparent)]
    Ballots(#[from] ballots::Error),
    /// The counters do not answer.
    #[error(transparent)]
    Tallies(#[from] state::Error),
}

impl Tally {
    /// A contest's standings, at most 25 ms old.
    pub async fn standing(&self, definition: Arc<Definition>, gate: &Gate) -> Result<State, Error> {
        let board = self.0.boards.0.lock().entry(definition.name.clone()).or_default().clone();
        // One looks, the others wait for it.
        let mut board = board.lock().await;
        if board.looked.is_none_or(|at| at.elapsed() >= FRESH) {
            self.look(&definition.name, &mut board).await?;
        }
        let (counts, version) = (board.sum.clone(), board.version);
        drop(board);
        // The ledger is settled: these are its numbers only if the counters have all of its entries. What the audit saw
        // later than they did, or they later than it, shows at the next look.
        let audited = self.last_audit(&definition.name).await;
        let audited = audited.filter(|last| last.audit.settled && last.audit.totals.batches == version);
        let now = Timestamp::now();
        let (state, close) = (gate.state(&definition.open, now), self.close(&definition, gate, now).await);
        let seen = audited.as_ref().zip(close).is_some_and(|(last, close)| last.is_final(close));
        if let Some(close) = close.filter(|close| seen && close.is_known_to_all(now)) {
            self.finish(&definition.name, close, version);
        }
        let is_final = close.and_then(|close| self.finished(&definition.name, close)) == Some(version);
        let situation = Situation { state, settled: is_final || audited.is_some(), version };
        Ok(State { definition, counts, situation, is_final })
    }

    async fn look(&self, contest: &str, board: &mut Board) -> Result<(), Error> {
        let known = self.last_known(contest).await?;
        if known.generation != board.generation {
            *board = Board { generation: known.generation, ..Board::default() };
        }
        let slot = |slot: u16| Slot { contest: contest.to_owned(), generation: known.generation, slot };
        let versions = try_join_all(known.slots.iter().map(|number| async {
            let slot = slot(*number);
            self.tallies().version(&slot).await.map(|version| (*number, version))
        }));
        let versions = versions.await?;
        let changed = versions.iter().filter(|(slot, version)| board.slots.get(slot).is_none_or(|(v, _)| v != version));
        let read = try_join_all(changed.map(|(number, _)| async {
            let slot = slot(*number);
            self.tallies().counts(&slot).await.map(|counts| (*number, counts))
        }));
        let read = read.await?;
        if !read.is_empty() {
            board.slots.extend(read.into_iter().map(|(slot, counts)| (slot, (counts.totals.batches, counts))));
            let mut sum = Counts::default();
            board.slots.values().for_each(|(_, counts)| sum.merge(counts));
            (board.version, board.sum) = (sum.totals.batches, Arc::new(sum));
        }
        board.looked = Some(Instant::now());
        Ok(())
    }
}
