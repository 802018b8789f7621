//! Which contests take ballots, as the other services are told: one that is stored and has no file takes none.
//!
//! Told is what changes, once. Of several processes whose folders differ, one that takes ballots for a contest has the last
//! word: it looks now and then whether another one said that nobody does, which may be gone by now.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use blobs::Records;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use parking_lot::Mutex;

/// Between two looks at what others told of the contests that are taken ballots for.
const AGAIN: Duration = Duration::from_secs(10);

/// What was told of each contest that is stored: whether it takes ballots.
#[derive(Default)]
pub(super) struct Told {
    /// `None` until the names were read that an earlier process has stored.
    contests: Mutex<Option<BTreeMap<String, Option<bool>>>>,
    looked: Mutex<Option<Instant>>,
}

impl Told {
    /// Whether a contest is told to take none.
    pub(super) fn is_withdrawn(&self, name: &str) -> bool {
        self.contests.lock().as_ref().and_then(|told| told.get(name)) == Some(&Some(false))
    }

    /// Tells what is not told yet, but nothing of a contest that is in `doubt`.
    pub(super) async fn tell(
        &self,
        records: &Records,
        taken: &BTreeSet<String>,
        doubt: impl Fn(&str) -> bool,
    ) -> Result<(), blobs::Error> {
        if self.contests.lock().is_none() {
            let stored = records.contest_names().await?;
            *self.contests.lock() = Some(stored.into_iter().map(|name| (name, None)).collect());
        }
        for (name, takes) in self.news(taken) {
            match takes {
                true => records.restore(&name).await?,
                false if doubt(&name) => continue,
                false => {
                    records.withdraw(&name, Timestamp::now()).await?;
                    tracing::warn!(contest = name, "a contest takes no ballots: its file is gone");
                }
            }
            self.contests.lock().get_or_insert_default().insert(name, Some(takes));
        }
        if self.looked.lock().is_none_or(|at| at.elapsed() >= AGAIN) {
            // Whether it succeeds or not: a store that does not answer is not to hold up every look.
            *self.looked.lock() = Some(Instant::now());
            let restore = async |name: &String| match records.withdrawn(name).await? {
                Some(_) => records.restore(name).await,
                None => Ok(()),
            };
            stream::iter(taken).map(restore).buffer_unordered(super::READS).try_collect::<()>().await?;
        }
        Ok(())
    }

    /// What is not told yet.
    fn news(&self, taken: &BTreeSet<String>) -> Vec<(String, bool)> {
        let told = self.contests.lock();
        let told = told.iter().flatten().map(|(name, takes)| (name.clone(), *takes));
        let mut all: BTreeMap<String, Option<bool>> = taken.iter().map(|name| (name.clone(), None)).collect();
        all.extend(told);
        let news = all.into_iter().map(|(name, takes)| (taken.contains(&name), takes, name));
        news.filter(|(takes, told, _)| *told != Some(*takes)).map(|(takes, _, name)| (name, takes)).collect()
    }
}
