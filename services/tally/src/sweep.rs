//! The sweeper: feeds entries again until the counters are known to hold them for good, at once after a fail-over, and
//! lets the counters forget what they hold for good. Every replica sweeps; all of it may be done by several at once.

use std::{sync::Arc, time::Duration};

use ballots::Known;
use contests::Entry;
use jiff::{SignedDuration, Timestamp};
use state::tallies::{Applied, Slot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Tally, board::Error};

/// How often it is asked whether a server of the counters was replaced.
const WATCH: Duration = Duration::from_secs(1);
/// Entries that are fed in one call.
const PAGE: usize = 500;
/// How long a page may take until it is applied; then it is read again.
const COUNT_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Entries that the counters had not, or had lost.
    pub restored: u64,
    /// Entries that the counters now hold for good.
    pub settled: u64,
    /// Memories of batches that were dropped.
    pub forgotten: u64,
    /// Contests whose counters were made anew.
    pub rebuilt: u64,
}

/// Sweeps every `every` until `shutdown`; where that is zero only after fail-overs.
pub async fn run(tally: Tally, every: Duration, shutdown: CancellationToken) {
    let mut ticks = interval(WATCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut incarnation, mut next): (Option<String>, _) = (None, Instant::now() + every);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Ok(now) = tally.tallies().incarnation().await else { continue };
        let replaced = incarnation.as_ref().is_some_and(|before| *before != now);
        let due = !every.is_zero() && Instant::now() >= next;
        if !replaced && !due {
            incarnation.get_or_insert(now);
            continue;
        }
        if replaced {
            tracing::warn!("a server of the counters was replaced; every entry that is not settled is fed again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            swept = tally.sweep(replaced) => match swept {
                Ok(_) => incarnation = Some(now),
                Err(error) => tracing::warn!(%error, "a sweep did not end; it is repeated"),
            },
        }
        next = Instant::now() + every;
    }
}

impl Tally {
    /// One sweep over every contest: of the entries that are not settled those that are old enough, or `all`.
    pub async fn sweep(&self, all: bool) -> Result<Swept, Error> {
        let (mut swept, mut failed) = (Swept::default(), None);
        for known in self.ballots().contests().await? {
            // What one contest's counters or entries are in for is no matter of the others.
            if let Err(error) = self.sweep_contest(&known, all, &mut swept).await {
                tracing::warn!(%error, contest = known.name, "a contest could not be swept");
                failed.get_or_insert(error);
            }
        }
        if swept.restored > 0 {
            tracing::warn!(entries = swept.restored, "entries that the counters had not were counted from the ledger");
            metrics::counter!("tally_restored_entries_total").increment(swept.restored);
        }
        failed.map_or(Ok(swept), Err)
    }

    async fn sweep_contest(&self, known: &Known, all: bool, swept: &mut Swept) -> Result<(), Error> {
        // Whether anything older was lost is seen before what is new is fed.
        if self.is_behind(known).await? && self.is_current(known).await? {
            tracing::warn!(contest = known.name, "counters were lost; they are made anew from the ledger");
            self.rebuild(&known.name).await?;
            swept.rebuilt += 1;
        } else {
            self.sweep_one(known, all, swept).await?;
        }
        self.expire(&known.name).await
    }

    async fn sweep_one(&self, known: &Known, all: bool, swept: &mut Swept) -> Result<(), Error> {
        let settle = SignedDuration::try_from(self.0.settle).unwrap_or(SignedDuration::MAX);
        let before = if all { Timestamp::MAX } else { Timestamp::now() - settle };
        for mark in 0..known.generation {
            let mut after = None;
            loop {
                let until = self.count_until(COUNT_WITHIN);
                let page = self.ballots().marked(&known.name, mark, before, after, PAGE).await?;
                after = page.last().map(|entry| entry.batch);
                if page.is_empty() {
                    break;
                }
                self.feed(known, &page, until, swept).await?;
            }
        }
        self.forget(known, swept).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        let backlog = self.ballots().backlog(&known.name, known.generation).await? as f64;
        metrics::gauge!("tally_ledger_backlog_entries", "contest" => known.name.clone()).set(backlog);
        Ok(())
    }

    /// Counts entries again; those that have been in for long enough are settled.
    async fn feed(&self, known: &Known, page: &[Entry], until: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        let applied = self.tallies().apply(known.generation, page, until).await?;
        let settled: Vec<Uuid> = page
            .iter()
            .zip(&applied)
            .filter(|(_, applied)| matches!(applied, Applied::Already(since) if *since >= self.0.settle))
            .map(|(entry, _)| entry.batch)
            .collect();
        swept.restored += applied.iter().filter(|applied| **applied == Applied::Now).count() as u64;
        swept.settled += settled.len() as u64;
        if settled.is_empty() {
            return Ok(());
        }
        Ok(self.ballots().mark(&known.name, known.generation, &settled).await?)
    }

    /// Lets the counters forget batches whose entries were settled long enough ago: whoever read one before that may
    /// not count it any more.
    async fn forget(&self, known: &Known, swept: &mut Swept) -> Result<(), Error> {
        let settle = SignedDuration::try_from(self.0.settle).unwrap_or(SignedDuration::MAX);
        for number in &known.slots {
            let slot = Slot { contest: known.name.clone(), generation: known.generation, slot: *number };
            let members = self.tallies().remembered(&slot, self.0.settle * 2, PAGE).await?;
            if members.is_empty() {
                continue;
            }
            let mut batches: Vec<Uuid> = members.iter().map(|member| member.batch).collect();
            batches.dedup();
            let before = Timestamp::now() - settle;
            let settled = self.ballots().settled(&known.name, known.generation, before, &batches).await?;
            let gone: Vec<_> = members.into_iter().filter(|member| settled.contains(&member.batch)).collect();
            self.tallies().forget(&slot, &gone).await?;
            swept.forgotten += gone.len() as u64;
        }
        Ok(())
    }

    /// Whether a slot has fewer batches than the ledger knows it held for good.
    async fn is_behind(&self, known: &Known) -> Result<bool, Error> {
        for (number, settled) in self.ballots().slots(&known.name, known.generation).await? {
            let slot = Slot { contest: known.name.clone(), generation: known.generation, slot: number };
            if self.tallies().version(&slot).await? < settled {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether no rebuild came in between, which drops the counters of the generation before.
    async fn is_current(&self, known: &Known) -> Result<bool, Error> {
        let now = self.ballots().contests().await?;
        Ok(now.iter().any(|now| now.name == known.name && now.generation == known.generation))
    }

    /// Drops what the contest keeps no longer.
    async fn expire(&self, contest: &str) -> Result<(), Error> {
        // Records that do not answer delay it only.
        let Ok(Some((definition, _))) = self.current(contest).await else { return Ok(()) };
        let definition: Arc<_> = definition;
        let Some(before) = definition.retention.and_then(|kept| Timestamp::now().checked_sub(kept).ok()) else {
            return Ok(());
        };
        while self.ballots().expire(contest, before).await? > 0 {}
        Ok(())
    }
}
