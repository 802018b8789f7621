//! The contests that are taken ballots for: files in a folder, read again when they change.
//!
//! A definition is stored before ballots are accepted under it, so that whoever counts them finds it. A file that is
//! broken keeps the last good one in force, after a start the one that is stored.

mod folder;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use blobs::Records;
use contests::Definition;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    commit::{Commit, Lane, Series},
    contest::Contest,
};
use folder::Folder;
use told::Told;

/// How often the folder and the gates are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing is cast before a beat says what is confirmed.
const QUIET: Duration = Duration::from_secs(1);
/// Gates that are read at a time: a look at hundreds takes far less than a second.
const READS: usize = 64;
/// How long the read of one gate may take; the store is away then, and the last one holds.
const READ: Duration = Duration::from_secs(1);
/// For how long after a look at the gates began ballots are taken. Looks begin a second apart and take a second at most,
/// whatever the store does: only who stood still is later, and does not know what was closed meanwhile.
const KNOWN: Duration = Duration::from_secs(3);
/// How long the last beats may take at the end.
const LAST_BEATS: Duration = Duration::from_secs(3);

/// The contests by name.
type Contests = HashMap<String, Arc<Contest>>;

/// The contests in force.
pub struct Catalogue {
    records: Records,
    commit: Arc<Commit>,
    contests: ArcSwap<Contests>,
    /// Contests whose files were removed: what they took is still told of.
    gone: Mutex<Contests>,
    /// Kept from revision to revision.
    series: Mutex<HashMap<String, Arc<Series>>>,
    /// What is wrong, by file.
    troubles: Mutex<BTreeMap<String, String>>,
    folder: tokio::sync::Mutex<Folder>,
    told: Told,
    /// When the last look at the gates began, of those that have ended.
    looked: Mutex<Instant>,
    draws: bool,
}

impl Catalogue {
    /// No contests yet: [`Catalogue::look`] reads them. `draws`: whether outcomes can be drawn.
    pub fn new(records: Records, commit: Arc<Commit>, folder: Option<PathBuf>, samples: bool, draws: bool) -> Self {
        let folder = tokio::sync::Mutex::new(Folder::new(folder, samples));
        let (contests, gone, series, troubles, told) = Default::default();
        let looked = Mutex::new(Instant::now());
        Self { records, commit, contests, gone, series, troubles, folder, told, looked, draws }
    }

    /// The contest of a name.
    pub fn get(&self, name: &str) -> Option<Arc<Contest>> {
        self.contests.load().get(name).cloned()
    }

    /// Whether ballots were taken for a contest of that name, and are not any more, because its file is gone.
    pub fn is_withdrawn(&self, name: &str) -> bool {
        self.told.is_withdrawn(name)
    }

    /// What is wrong with files, or with storing their definitions.
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().clone()
    }

    /// Whether any contest takes ballots, or nothing is wrong.
    pub fn ready(&self) -> Result<(), String> {
        let troubles = self.troubles.lock();
        match troubles.iter().next() {
            Some((file, trouble)) if self.contests.load().is_empty() => Err(format!("{file}: {trouble}")),
            _ => Ok(()),
        }
    }

    /// Whether the gates were looked at lately: who was paused takes nothing before it has looked again.
    pub fn knows_gates(&self) -> bool {
        self.looked.lock().elapsed() < KNOWN
    }

    /// Looks every second until `shutdown`.
    pub async fn keep(&self, shutdown: &CancellationToken) {
        tokio::join!(self.keep_contests(shutdown), self.keep_gates(shutdown), self.keep_beats(shutdown));
    }

    async fn keep_gates(&self, shutdown: &CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            let began = Instant::now();
            self.read_gates().await;
            *self.looked.lock() = began;
        }
    }

    async fn keep_contests(&self, shutdown: &CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            self.look().await;
        }
    }

    /// Beats need no store, and wait for none.
    async fn keep_beats(&self, shutdown: &CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            self.beats();
            let unconfirmed = self.series.lock().values().map(|series| series.unconfirmed()).sum();
            self.commit.meters.gauges(&self.commit.flow, unconfirmed);
        }
    }

    /// Reads what changed in the folder, and stores it.
    pub async fn look(&self) {
        let mut folder = self.folder.lock().await;
        let mut read = folder.read();
        for name in std::mem::take(&mut read.unknown) {
            match self.stored(&name).await {
                Ok(stored) => read.definitions.extend(folder.recall(&name, stored)),
                Err(error) => drop(read.troubles.insert(name, error.to_string())),
            }
        }
        let (mut troubles, unreadable) = (read.troubles, read.unreadable);
        let mut next: Contests = HashMap::new();
        for definition in read.definitions {
            let name = definition.name.clone();
            match self.current(&definition).await {
                Ok(contest) => drop(next.insert(name, contest)),
                Err(trouble) => {
                    troubles.insert(name.clone(), trouble);
                    next.extend(self.get(&name).map(|last| (name, last)));
                }
            }
        }
        self.swap(next);
        let taken: BTreeSet<String> = self.contests.load().keys().cloned().collect();
        // A file that is there and cannot be taken is not gone.
        if let Err(error) =
            self.told.tell(&self.records, &taken, |name| unreadable || troubles.contains_key(name)).await
        {
            tracing::warn!(%error, "which contests have no file cannot be told to others; it is tried again");
        }
        self.report(troubles);
    }

    /// The definition of a contest that was in force last.
    async fn stored(&self, name: &str) -> Result<Option<Definition>, blobs::Error> {
        let Some(revision) = self.records.current_revision(name).await? else { return Ok(None) };
        self.records.definition(name, revision).await
    }

    /// The contest of a definition: the one in force, or a new one once its definition is stored.
    async fn current(&self, definition: &Definition) -> Result<Arc<Contest>, String> {
        let in_force = self.get(&definition.name);
        if let Some(contest) = in_force.as_ref().filter(|c| c.definition.revision() == definition.revision()) {
            return Ok(contest.clone());
        }
        if definition.draws() && !self.draws {
            return Err("it draws outcomes, which needs the setting `draw_key`".to_owned());
        }
        self.records.put_definition(definition).await.map_err(|e| e.to_string())?;
        let known = in_force.map_or_else(Default::default, |contest| contest.gate());
        let later = self.records.gate_since(&definition.name, known.0).await.map_err(|e| e.to_string())?;
        let series = self.series.lock().entry(definition.name.clone()).or_default().clone();
        let contest = Contest::new(definition.clone(), later.unwrap_or(known), &series, &self.commit)?;
        tracing::info!(contest = definition.name, revision = %definition.revision(), "a contest takes ballots");
        Ok(Arc::new(contest))
    }

    fn swap(&self, next: Contests) {
        let last = self.contests.swap(Arc::new(next));
        let now = self.contests.load();
        for (name, contest) in last.iter() {
            if !now.get(name).is_some_and(|next| Arc::ptr_eq(next, contest)) {
                contest.retire();
            }
        }
        let mut gone = self.gone.lock();
        gone.extend(last.iter().map(|(name, contest)| (name.clone(), contest.clone())));
        gone.retain(|name, _| !now.contains_key(name));
    }

    fn report(&self, troubles: BTreeMap<String, String>) {
        let mut last = self.troubles.lock();
        for (file, trouble) in &troubles {
            if last.get(file) != Some(trouble) {
                tracing::error!(contest.file = file, trouble, "a contest cannot be taken as its file says");
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a folder has few files")]
        metrics::gauge!("ingest_contest_errors").set(troubles.len() as f64);
        *last = troubles;
    }

    async fn read_gates(&self) {
        let contests: Vec<_> = self.contests.load().values().cloned().collect();
        stream::iter(contests)
            .for_each_concurrent(READS, async |contest| {
                let name = &contest.definition.name;
                let read = self.records.gate_since(name, contest.gate().0);
                let why = match tokio::time::timeout(READ, read).await {
                    Ok(Ok(later)) => {
                        return later.into_iter().for_each(|(number, gate)| contest.set_gate(number, &gate));
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_elapsed) => "the store does not answer".to_owned(),
                };
                tracing::warn!(error = why, contest = name, "a gate cannot be read; the last one holds");
            })
            .await;
    }

    /// A lane of every contest, for its beats.
    fn first_lanes(&self) -> Vec<Arc<Lane>> {
        let (contests, gone) = (self.contests.load_full(), self.gone.lock());
        contests.values().chain(gone.values()).filter_map(|contest| contest.lanes.first().cloned()).collect()
    }

    fn beats(&self) {
        for lane in self.first_lanes() {
            self.commit.track(async move { lane.beat(QUIET, false).await });
        }
    }

    /// Says of every contest that no further batch comes from this process.
    pub async fn last_beats(&self) {
        let lanes = self.first_lanes();
        let beats = futures::future::join_all(lanes.iter().map(|lane| lane.beat(QUIET, true)));
        if tokio::time::timeout(LAST_BEATS, beats).await.is_err() {
            tracing::warn!("the last beats were not confirmed; the audit waits for the queues to be empty");
        }
    }
}
