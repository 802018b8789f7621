//! What this process has in its hands: batches that were delivered to it and are not in the ledger for sure.
//!
//! A broker does not tell how many deliveries are with consumers, and the ledger does not know of them yet. So each
//! process says so itself, to all that count into the same log: see [`crate::evidence`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use ballots::Hand;
use messaging::{Hold, Message};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Tally;

/// Between two reports.
pub const EVERY: Duration = Duration::from_millis(500);
/// Between two tries to say for the first time that this process counts.
const PAUSE: Duration = Duration::from_secs(1);
/// For how long a contest is named after it was touched: longer than any evidence takes to gather.
const NAMED: Duration = Duration::from_secs(60);
/// For how long a batch whose subscription was lost may still be with this process, by the broker's books: no delivery
/// stays unacknowledged for longer.
const UNSURE: Duration = Duration::from_secs(60);
/// What stands before a contest's name in the subject of its batches.
pub(crate) const SUBJECT: &str = "contests/";

/// This process's hands.
pub struct Hands {
    /// This process.
    pub(crate) process: Uuid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    turn: u64,
    contests: HashMap<String, Touched>,
}

struct Touched {
    held: u32,
    last: u64,
    at: Instant,
    unsure: Option<Instant>,
}

impl Default for Hands {
    fn default() -> Self {
        Self { process: Uuid::now_v7(), state: Mutex::default() }
    }
}

/// A batch in hand, until this is dropped.
struct Held {
    hands: Arc<Hands>,
    contest: String,
    over: bool,
}

impl Hold for Held {
    fn over(mut self: Box<Self>) {
        self.over = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.hands.state.lock();
        let Some(touched) = state.contests.get_mut(&self.contest) else { return };
        touched.held = touched.held.saturating_sub(1);
        if !self.over {
            touched.unsure = Some(Instant::now() + UNSURE);
        }
    }
}

impl Hands {
    /// Takes a batch in hand as long as what this gives lives.
    pub(crate) fn take(self: &Arc<Self>, message: &Message) -> Option<Box<dyn Hold>> {
        let contest = message.subject()?.strip_prefix(SUBJECT)?;
        if !contests::definition::is_name(contest) {
            return None;
        }
        let mut state = self.state.lock();
        let last = state.turn + 1;
        let fresh = || Touched { held: 0, last, at: Instant::now(), unsure: None };
        let touched = state.contests.entry(contest.to_owned()).or_insert_with(fresh);
        touched.held += 1;
        (touched.last, touched.at) = (last, Instant::now());
        Some(Box::new(Held { hands: self.clone(), contest: contest.to_owned(), over: false }))
    }

    /// Looks at the hands.
    pub(crate) fn look(&self) -> Hand {
        let mut state = self.state.lock();
        state.turn += 1;
        let (turn, now) = (state.turn, Instant::now());
        for touched in state.contests.values_mut() {
            if touched.held > 0 || touched.unsure.is_some_and(|until| now < until) {
                (touched.last, touched.at) = (turn, now);
            }
        }
        state.contests.retain(|_, touched| now.duration_since(touched.at) < NAMED);
        let touched: BTreeMap<_, _> = state.contests.iter().map(|(name, t)| (name.clone(), t.last)).collect();
        Hand { process: self.process, report: 0, turn, touched }
    }
}

impl Tally {
    /// Says for the first time that this process counts, before anything is delivered to it. `false`: it stops before.
    pub(crate) async fn enrol(&self, shutdown: &CancellationToken) -> bool {
        let nothing = self.0.hands.look();
        loop {
            let said = tokio::select! {
                () = shutdown.cancelled() => return false,
                said = self.ballots().report(&nothing) => said,
            };
            match said {
                Ok(()) => return true,
                Err(error) => tracing::warn!(%error, "the log does not take that this process counts; trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says what is in hand until `over`, then that nothing is. Also drops what processes said that are gone.
    pub(crate) async fn report(&self, over: CancellationToken) {
        let (mut report, mut last) = (0, tokio::time::Instant::now());
        while over.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            // Where nothing comes from the broker any more, nobody knows what it has delivered: who waits for this process's
            // word waits on.
            if !self.0.context.bus.has_read_since(last) {
                continue;
            }
            (report, last) = (report + 1, tokio::time::Instant::now());
            let hand = Hand { report, ..self.0.hands.look() };
            // Whoever does not answer is not heard, and others wait for this process's word.
            if let Err(error) = self.ballots().report(&hand).await {
                tracing::debug!(%error, "what is in hand could not be told");
            }
            if report % 10 == 0 {
                self.drop_the_gone().await;
            }
        }
        if let Err(error) = self.ballots().withdraw(self.0.hands.process).await {
            tracing::debug!(%error, "others learn only in a while that this process has ended");
        }
    }
}
