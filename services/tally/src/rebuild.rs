//! A new generation of counters, from the whole ledger.

use std::collections::HashMap;

use contests::Entry;
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::{BoxFuture, Shared},
    stream::TryChunksError,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use state::tallies::{Applied, Slot};
use tokio::task::AbortHandle;
use utoipa::ToSchema;

use crate::{Tally, board::Error, generations::FRESH};

/// Entries that are fed in one call.
const PAGE: usize = 500;
/// What is said where nothing may be counted however soon it comes.
const LATE: &str =
    "entries are too late the moment they were read: the clocks of this host and of Redis differ too much";

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rebuilt {
    /// The generation of counters that holds now.
    pub generation: u32,
    /// Entries of the ledger that it was made of.
    pub entries: u64,
}

/// One that is being made, for all who wait for it.
type Rebuilding = Shared<BoxFuture<'static, Result<Rebuilt, Error>>>;

/// Those that are being made, by contest, and whether each still is: nobody may wait for it.
#[derive(Default)]
pub struct Rebuilds(Mutex<HashMap<String, (AbortHandle, Rebuilding)>>);

impl Tally {
    /// Makes a new generation of counters from the whole ledger, or waits for the one that is being made here. It goes on
    /// where nobody waits for it any more.
    pub async fn rebuild(&self, contest: &str) -> Result<Rebuilt, Error> {
        let rebuilding = {
            let mut all = self.0.rebuilds.0.lock();
            all.retain(|_, (task, _)| !task.is_finished());
            all.entry(contest.to_owned()).or_insert_with(|| self.begin(contest.to_owned())).1.clone()
        };
        rebuilding.await
    }

    fn begin(&self, contest: String) -> (AbortHandle, Rebuilding) {
        let tally = self.clone();
        let made = tokio::spawn(async move { tally.make_anew(&contest).await });
        let task = made.abort_handle();
        let made = made.map(|made| made.unwrap_or_else(|ended| Err(state::Error(ended.to_string()).into())));
        (task, made.boxed().shared())
    }

    /// Feeds the whole ledger to the next generation, switches to it, and feeds what came meanwhile. Several at once,
    /// or one that was cut off, do no harm: a generation takes each entry once, and only one of them switches.
    async fn make_anew(&self, contest: &str) -> Result<Rebuilt, Error> {
        let all = self.ballots().contests().await?;
        let Some(known) = all.into_iter().find(|known| known.name == contest) else {
            return Ok(Rebuilt { generation: 1, entries: 0 });
        };
        let (old, generation) = (known.generation, known.generation + 1);
        self.feed_all(contest, generation).await?;
        let switched = self.ballots().advance(contest, old).await?;
        // By then nobody counts in the old one any more, and none that was counted there only is missed here.
        tokio::time::sleep(FRESH * 2).await;
        // What came last first, for who looks at standings.
        self.feed_unsettled(contest, generation).await?;
        let entries = self.feed_all(contest, generation).await?;
        if switched {
            for slot in known.slots {
                self.tallies().drop_slot(&Slot { contest: contest.to_owned(), generation: old, slot }).await?;
            }
            tracing::info!(contest, generation, entries, "counters were made anew from the ledger");
            metrics::counter!("tally_rebuilds_total", "contest" => contest.to_owned()).increment(1);
        }
        Ok(Rebuilt { generation, entries })
    }

    /// Feeds what no generation holds for good yet.
    async fn feed_unsettled(&self, contest: &str, generation: u32) -> Result<(), Error> {
        let until = self.count_until();
        let mut pages = self.ballots().marked(contest, 0, Timestamp::MAX).try_chunks(PAGE);
        while let Some(page) = pages.next().await {
            let page = page.map_err(|TryChunksError(_, error)| error)?;
            self.tallies().apply(generation, &page, until).await?;
        }
        Ok(())
    }

    /// How many entries there are.
    async fn feed_all(&self, contest: &str, generation: u32) -> Result<u64, Error> {
        let (mut after, mut fed) = (None, 0);
        loop {
            let (until, before) = (self.count_until(), after);
            let mut pages = self.ballots().entries(contest, after).try_chunks(PAGE);
            let late = loop {
                let Some(page) = pages.next().await else { break false };
                let page = page.map_err(|TryChunksError(_, error)| error)?;
                // Settled here already: this generation holds, and may have forgotten that it does.
                let unsettled = page.iter().filter(|held| held.mark < generation).map(|held| held.entry.clone());
                let unsettled: Vec<Entry> = unsettled.collect();
                let applied = self.tallies().apply(generation, &unsettled, until).await?;
                if applied.contains(&Applied::TooLate) {
                    break true;
                }
                after = page.last().map(|held| held.entry.batch);
                fed += page.len() as u64;
            };
            if !late {
                return Ok(fed);
            }
            // What was read too long ago is read again; where that was nothing, it is not the time that it took.
            if after == before {
                return Err(state::Error(LATE.to_owned()).into());
            }
        }
    }
}
