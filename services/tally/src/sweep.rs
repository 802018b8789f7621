//! The sweeper: feeds entries again until the counters are known to hold them for good, at once after a fail-over, and
//! lets the counters forget what they hold for good. Replicas take turns; all of it may be done by several at once.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ballots::Known;
use contests::Entry;
use futures::{StreamExt, TryStreamExt, stream::TryChunksError};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use state::tallies::{Applied, Slot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Tally, board::Error, feed::counted};

/// How often it is asked whether a server of the counters was replaced.
const WATCH: Duration = Duration::from_secs(1);
/// Entries that are fed in one call.
const PAGE: usize = 500;
/// How often all that was settled is compared with the counters' versions, which reads the contest's whole ledger, where
/// nothing points to a loss.
const COMPARE: Duration = Duration::from_mins(10);
/// Generations before the one that holds of which something may be left.
const OLDER: u32 = 16;

/// What this process remembers of earlier sweeps; nothing that could not be lost.
#[derive(Default)]
pub struct Sweeps(Mutex<HashMap<String, Seen>>);

/// Of one contest.
#[derive(Default)]
struct Seen {
    generation: u32,
    /// The slots' versions: one that goes back is a loss, seen without a look into the ledger.
    versions: BTreeMap<u16, u64>,
    compared: Option<Instant>,
    /// Whether it was swept before, and what older generations left is dropped since.
    swept: bool,
    dropped: bool,
    /// When sweeps ended after which all entries that were written before some time were settled.
    clean: VecDeque<(Instant, Timestamp)>,
}

impl Sweeps {
    fn with<T>(&self, known: &Known, work: impl FnOnce(&mut Seen) -> T) -> T {
        let mut all = self.0.lock();
        let seen = all.entry(known.name.clone()).or_default();
        if seen.generation != known.generation {
            *seen = Seen { generation: known.generation, ..Seen::default() };
        }
        work(seen)
    }
}

impl Seen {
    /// Whether versions are to be compared with the ledger: one went back, or the last time is long ago.
    fn compares(&mut self, versions: BTreeMap<u16, u64>) -> bool {
        let back = self.versions.iter().any(|(slot, before)| versions.get(slot).is_none_or(|now| now < before));
        self.versions = versions;
        // Asked for until it was done.
        self.compared = self.compared.filter(|at| !back && at.elapsed() < COMPARE);
        self.compared.is_none()
    }

    /// Before which time everything was written that has been settled for so long.
    fn settled_before(&mut self, settle: Duration) -> Option<Timestamp> {
        let old = self.clean.iter().take_while(|(ended, _)| ended.elapsed() >= settle).count();
        self.clean.drain(..old.saturating_sub(1));
        self.clean.front().filter(|_| old > 0).map(|(_, before)| *before)
    }
}

/// Batches that the counters hold, by slot.
type Held = HashMap<u16, u64>;

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
    /// Whether an entry was held back for too long between its reading and its counting.
    pub late: bool,
}

/// Sweeps every `every` until `shutdown`; where that is zero only after fail-overs.
pub async fn run(tally: Tally, every: Duration, shutdown: CancellationToken) {
    // A counter that begins with its first event does not rise by it, and no alarm sees it.
    metrics::counter!("tally_restored_entries_total").increment(0);
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
            swept = tally.sweep_in_turn(replaced, every) => match swept {
                // Read too long ago to be counted: once more.
                Ok(swept) if replaced && swept.late => {}
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
        self.sweep_in_turn(all, Duration::ZERO).await
    }

    /// The same where no other process swept within `every`; `all` after a loss, whoever else does it.
    async fn sweep_in_turn(&self, all: bool, every: Duration) -> Result<Swept, Error> {
        let (mut swept, mut failed) = (Swept::default(), None);
        for known in self.ballots().contests().await? {
            metrics::counter!("tally_rebuilds_total", "contest" => known.name.clone()).increment(0);
            if !all && !every.is_zero() && !self.ballots().take_sweep(&known.name, every).await? {
                // Whoever sweeps tells it.
                tell_backlog(&known, 0);
                continue;
            }
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
        // Read before anything is fed and settled: what counts as settled then is not fed. Where it cannot be read, what is
        // new waits for nothing.
        let settled = self.settled(known, all).await;
        let compares = matches!(settled, Ok(Some(_)));
        let held = self.sweep_one(known, all || compares, swept).await?;
        let behind = match settled {
            Ok(Some(settled)) => self.is_behind(known, held, settled).await,
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        if matches!(behind, Ok(true)) && self.is_current(known).await? {
            tracing::warn!(contest = known.name, "counters were lost; they are made anew from the ledger");
            self.rebuild(&known.name).await?;
            swept.rebuilt += 1;
        } else if let Err(error) = self.drop_older(known).await {
            tracing::warn!(%error, contest = known.name, "what older counters left is dropped at another sweep");
        }
        self.expire(&known.name).await?;
        behind.map(drop)
    }

    /// Drops what a rebuild left that was cut off. Not at the first look at a generation: by the next one nobody reads
    /// those before it any more.
    async fn drop_older(&self, known: &Known) -> Result<(), Error> {
        let first = self.0.sweeps.with(known, |seen| !std::mem::replace(&mut seen.swept, true));
        if first || self.0.sweeps.with(known, |seen| seen.dropped) {
            return Ok(());
        }
        for generation in known.generation.saturating_sub(OLDER).max(1)..known.generation {
            for slot in &known.slots {
                let slot = Slot { contest: known.name.clone(), generation, slot: *slot };
                self.tallies().drop_slot(&slot).await?;
            }
        }
        self.0.sweeps.with(known, |seen| seen.dropped = true);
        Ok(())
    }

    /// Feeds what is not settled; gives how many of these the counters hold now.
    async fn sweep_one(&self, known: &Known, all: bool, swept: &mut Swept) -> Result<Held, Error> {
        let settle = SignedDuration::try_from(self.0.settle).unwrap_or(SignedDuration::MAX);
        let began = Timestamp::now();
        let (until, old) = (self.count_until(), began - settle);
        let before = if all { Timestamp::MAX } else { old };
        let (mut left, mut held) = (0, Held::new());
        for mark in 0..known.generation {
            let mut pages = self.ballots().marked(&known.name, mark, before).try_chunks(PAGE);
            while let Some(page) = pages.next().await {
                let page = page.map_err(|TryChunksError(_, error)| error)?;
                left += page.len() - self.feed(known, &page, until, swept, &mut held).await?;
            }
        }
        if left == 0 {
            self.0.sweeps.with(known, |seen| seen.clean.push_back((Instant::now(), old)));
        }
        tell_backlog(known, left);
        self.forget(known, swept).await?;
        Ok(held)
    }

    /// Counts entries again; those that have been in for long enough are settled. How many are.
    async fn feed(
        &self,
        known: &Known,
        page: &[Entry],
        until: Timestamp,
        swept: &mut Swept,
        held: &mut Held,
    ) -> Result<usize, Error> {
        let applied = self.tallies().apply(known.generation, page, until).await?;
        let settled: Vec<Uuid> = page
            .iter()
            .zip(&applied)
            .filter(|(_, applied)| matches!(applied, Applied::Already(since) if *since >= self.0.settle))
            .map(|(entry, _)| entry.batch)
            .collect();
        for (entry, applied) in page.iter().zip(&applied) {
            match applied {
                Applied::Now => {
                    counted(entry);
                    swept.restored += 1;
                }
                Applied::Already(_) => {}
                Applied::TooLate => {
                    swept.late = true;
                    continue;
                }
            }
            *held.entry(entry.slot).or_default() += 1;
        }
        swept.settled += settled.len() as u64;
        if !settled.is_empty() {
            self.ballots().mark(&known.name, known.generation, &settled).await?;
        }
        Ok(settled.len())
    }

    /// Lets the counters forget batches whose entries have been settled for long enough: whoever read one before that may
    /// not count it any more. An entry is written before it is counted; that the clocks of who wrote it and of who forgets
    /// it may each differ from the counters' is made up for by waiting once more.
    async fn forget(&self, known: &Known, swept: &mut Swept) -> Result<(), Error> {
        let settled = self.0.sweeps.with(known, |seen| seen.settled_before(self.0.settle));
        // A time, no age: who is paused in here for long forgets no more by that.
        let Some(before) = settled.and_then(|settled| settled.checked_sub(self.0.settle).ok()) else { return Ok(()) };
        for number in &known.slots {
            let slot = Slot { contest: known.name.clone(), generation: known.generation, slot: *number };
            loop {
                let members = self.tallies().remembered(&slot, before, PAGE).await?;
                self.tallies().forget(&slot, &members).await?;
                swept.forgotten += members.len() as u64;
                if members.len() < PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    /// How many batches of each slot the counters held for good, where that is to be compared with what they hold: where a
    /// loss is suspected, a slot's version went back, or nobody has looked for long, as at the first sweep of a process.
    async fn settled(&self, known: &Known, suspected: bool) -> Result<Option<Held>, Error> {
        let versions = self.versions(known).await?;
        let compares = self.0.sweeps.with(known, |seen| seen.compares(versions));
        if !compares && !suspected {
            return Ok(None);
        }
        Ok(Some(self.ballots().slots(&known.name, known.generation).await?.into_iter().collect()))
    }

    /// Whether a slot has fewer batches than it must hold: those it held for good before all others were fed, and those. What
    /// it held for good alone says little: a slot that lost that goes on with what is new.
    async fn is_behind(&self, known: &Known, mut held: Held, settled: Held) -> Result<bool, Error> {
        settled.into_iter().for_each(|(slot, batches)| *held.entry(slot).or_default() += batches);
        for (slot, batches) in held {
            if self.version(known, slot).await? < batches {
                return Ok(true);
            }
        }
        self.0.sweeps.with(known, |seen| seen.compared = Some(Instant::now()));
        Ok(false)
    }

    /// The versions of a contest's slots.
    async fn versions(&self, known: &Known) -> Result<BTreeMap<u16, u64>, Error> {
        let mut versions = BTreeMap::new();
        for slot in &known.slots {
            versions.insert(*slot, self.version(known, *slot).await?);
        }
        Ok(versions)
    }

    async fn version(&self, known: &Known, slot: u16) -> Result<u64, Error> {
        let slot = Slot { contest: known.name.clone(), generation: known.generation, slot };
        Ok(self.tallies().version(&slot).await?)
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

/// Entries that the last sweep of this process could not settle.
fn tell_backlog(known: &Known, entries: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    metrics::gauge!("tally_ledger_backlog_entries", "contest" => known.name.clone()).set(entries as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(of: &[(u16, u64)]) -> BTreeMap<u16, u64> {
        of.iter().copied().collect()
    }

    #[test]
    fn the_ledger_is_asked_first_and_after_a_version_went_back_until_it_answered() {
        let mut seen = Seen::default();
        assert!(seen.compares(versions(&[(0, 5), (1, 7)])), "nothing is known yet");
        seen.compared = Some(Instant::now());
        assert!(!seen.compares(versions(&[(0, 6), (1, 7), (2, 1)])));
        for again in [versions(&[(0, 6), (1, 2), (2, 1)]), versions(&[(0, 6), (1, 3), (2, 1)])] {
            assert!(seen.compares(again), "one went back, and nobody has looked since");
        }
        seen.compared = Some(Instant::now());
        assert!(seen.compares(versions(&[(0, 6), (1, 3)])), "one is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_settled_for_long_enough_is_what_the_newest_such_sweep_settled() {
        let (mut seen, settle, began) = (Seen::default(), Duration::from_secs(120), Timestamp::now());
        let at = |seconds| began + SignedDuration::from_secs(seconds);
        for seconds in [0, 10, 20] {
            seen.clean.push_back((Instant::now(), at(seconds)));
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(seen.settled_before(settle), None);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(seen.settled_before(settle), Some(at(10)));
        assert_eq!(seen.settled_before(settle), Some(at(10)));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!((seen.settled_before(settle), seen.clean.len()), (Some(at(20)), 1));
    }
}
