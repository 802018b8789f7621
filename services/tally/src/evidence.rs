//! Evidence that no ballot of a contest is under way between ingest and the ledger.
//!
//! A confirmed batch is in a queue, put aside, or in the hands of a process until the ledger has it. The evidence is
//! that at the moments of one look every queue was empty, delays before what they lead to, while no process had a batch
//! of the contest in hand or took one, from before the look until after it. Whatever was accepted before the look began
//! is then in the ledger.
//!
//! It rests on this: a process enrols before it subscribes; one that reports has read what the broker delivered to it
//! before its last report, and reports nothing where that cannot be said; and one that has not reported for `gone_seconds` has lost its deliveries to the
//! broker, whose heartbeats miss a dead or paused consumer within seconds.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ballots::Hand;
use futures::future::try_join_all;
use messaging::topology::GROUPS;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::Tally;

/// How long gathering may take; then there is no evidence.
const WITHIN: Duration = Duration::from_secs(4);
/// Between two readings of what others say.
const READ: Duration = Duration::from_millis(200);
/// Reports after one that was read: the next may have been made before it was read.
const LATER: u64 = 2;
/// Between two questions whether this process has read what was delivered to it.
const OWN: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Default)]
pub struct Evidence {
    /// Each process's hands after the look, and its last report before it; `None`: something waited, or somebody did
    /// not answer.
    hands: Option<Vec<(Hand, u64)>>,
}

impl Evidence {
    /// Whether no ballot of this contest was under way.
    pub(crate) fn is_of(&self, contest: &str) -> bool {
        self.hands.as_ref().is_some_and(|hands| hands.iter().all(|(hand, since)| hand.is_free_of(contest, *since)))
    }
}

/// What is kept.
pub struct Gathering {
    /// For how long a process that does not report may have something in hand.
    gone: Duration,
    /// The newest evidence, and when it was begun. One gathers, the others wait for it.
    last: tokio::sync::Mutex<Option<(Instant, Arc<Evidence>)>>,
    /// Each other process's last report, and since when it is known.
    heard: Mutex<HashMap<Uuid, (u64, Instant)>>,
}

impl Gathering {
    /// Nothing is known yet.
    pub(crate) fn new(gone: Duration) -> Self {
        Self { gone, last: tokio::sync::Mutex::default(), heard: Mutex::default() }
    }

    /// Whether a process that says this may have something in hand.
    fn hears(&self, hand: &Hand) -> bool {
        let mut heard = self.heard.lock();
        let known = heard.entry(hand.process).or_insert_with(|| (hand.report, Instant::now()));
        if known.0 != hand.report {
            *known = (hand.report, Instant::now());
        }
        known.1.elapsed() < self.gone
    }
}

impl Tally {
    /// Evidence of a time after `asked`.
    pub(crate) async fn evidence(&self, asked: Instant) -> Arc<Evidence> {
        let mut last = self.0.gathering.last.lock().await;
        if let Some((began, evidence)) = &*last
            && *began >= asked
        {
            return evidence.clone();
        }
        let began = Instant::now();
        let hands = match tokio::time::timeout(WITHIN, self.gather()).await {
            Ok(Ok(hands)) => hands,
            Ok(Err(error)) => {
                tracing::debug!(error, "there is no evidence that nothing is under way");
                None
            }
            Err(_) => None,
        };
        let evidence = Arc::new(Evidence { hands });
        *last = Some((began, evidence.clone()));
        evidence
    }

    async fn gather(&self) -> Result<Option<Vec<(Hand, u64)>>, String> {
        let own = self.0.hands.look();
        let before = self.others().await?;
        if !self.are_queues_empty().await? {
            return Ok(None);
        }
        let looked = tokio::time::Instant::now();
        let first = self.others().await?;
        let mut now = first.clone();
        loop {
            // One that came or went meanwhile may have carried something past the look.
            if now.len() != before.len() || !before.keys().all(|process| now.contains_key(process)) {
                return Ok(None);
            }
            let said = |hand: &Hand| first.get(&hand.process).is_some_and(|then| hand.report >= then.report + LATER);
            if now.values().all(said) {
                break;
            }
            tokio::time::sleep(READ).await;
            now = self.others().await?;
        }
        // As the others, this process too has to read what was delivered to it before the look.
        while !self.0.context.bus.has_read_since(looked) {
            tokio::time::sleep(OWN).await;
        }
        let mut hands = vec![(self.0.hands.look(), own.turn)];
        hands.extend(now.into_values().filter_map(|hand| {
            let since = before.get(&hand.process)?.turn;
            Some((hand, since))
        }));
        Ok(Some(hands))
    }

    /// What the other processes say that may have something in hand.
    async fn others(&self) -> Result<HashMap<Uuid, Hand>, String> {
        let said = self.ballots().hands().await.map_err(|e| e.to_string())?;
        let others = said.into_iter().filter(|hand| hand.process != self.0.hands.process);
        Ok(others.filter(|hand| self.0.gathering.hears(hand)).map(|hand| (hand.process, hand)).collect())
    }

    async fn are_queues_empty(&self) -> Result<bool, String> {
        let bus = &self.0.context.bus;
        let waiting = try_join_all(GROUPS.map(|group| bus.waiting(group))).await.map_err(|e| e.to_string())?;
        Ok(waiting.iter().all(|waiting| *waiting == 0))
    }

    /// Drops what processes said that have not been heard for long.
    pub(crate) async fn drop_the_gone(&self) {
        let Ok(said) = self.ballots().hands().await else { return };
        self.0.gathering.heard.lock().retain(|process, _| said.iter().any(|hand| hand.process == *process));
        for hand in said.iter().filter(|hand| hand.process != self.0.hands.process && !self.0.gathering.hears(hand)) {
            // It may be tried again: others do not listen to it any more either.
            let _ = self.ballots().withdraw(hand.process).await;
        }
    }
}
