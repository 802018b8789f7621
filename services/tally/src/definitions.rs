//! Definitions of contests, kept: a revision never changes, and which one is current is asked once a second.

use blobs::Changes;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use contests::{Definition, Gate, Revision};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::{Tally, audit::Close};

/// Definitions that are kept at most.
const KEPT: usize = 1_000;
/// How long it may take until a change of the current revision, or of the gate, shows.
const FRESH: Duration = Duration::from_secs(1);

/// How long it may take until a changed file is read by every process: a kubelet brings a ConfigMap within a minute or so.
const SPREAD: SignedDuration = SignedDuration::from_mins(2);

/// A contest's current definition and gate, and when they were read.
type Current = (Instant, Arc<Definition>, Gate);

/// What is kept.
#[derive(Default)]
pub struct Definitions {
    revisions: Mutex<HashMap<(String, Revision), Arc<Definition>>>,
    current: Mutex<HashMap<String, Current>>,
    changes: Mutex<HashMap<String, (Instant, Changes)>>,
}

impl Close {
    /// Whether every process that takes ballots has read the current definition by then: where it is another one than
    /// before, the file comes to each of them by and by.
    pub(crate) fn is_known_to_all(&self, now: Timestamp) -> bool {
        self.redefined.is_none_or(|since| now.duration_since(since) >= SPREAD)
    }
}

impl Tally {
    /// A contest's definition at a revision; `None`: ingest never stored it.
    pub(crate) async fn definition(
        &self,
        contest: &str,
        revision: Revision,
    ) -> Result<Option<Arc<Definition>>, blobs::Error> {
        let key = (contest.to_owned(), revision);
        if let Some(kept) = self.0.definitions.revisions.lock().get(&key) {
            return Ok(Some(kept.clone()));
        }
        let found = self.0.context.records.definition(contest, revision).await?.map(Arc::new);
        if let Some(found) = &found {
            let mut kept = self.0.definitions.revisions.lock();
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(key, found.clone());
        }
        Ok(found)
    }

    /// Whether any revision of the contest drops ballots from the log after a while.
    pub(crate) async fn expires(&self, contest: &str) -> Result<bool, blobs::Error> {
        for revision in self.0.context.records.revisions(contest).await? {
            if self.definition(contest, revision).await?.is_some_and(|definition| definition.retention.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When the contest was changed last, by what was known a second ago.
    pub(crate) async fn changes(&self, contest: &str) -> Result<Changes, blobs::Error> {
        if let Some((at, changes)) = self.0.definitions.changes.lock().get(contest)
            && at.elapsed() < FRESH
        {
            return Ok(*changes);
        }
        let began = Instant::now();
        let changes = self.0.context.records.changes(contest).await?;
        self.0.definitions.changes.lock().insert(contest.to_owned(), (began, changes));
        Ok(changes)
    }

    /// A contest's current definition and its gate; `None`: there is no such contest.
    pub(crate) async fn current(&self, contest: &str) -> Result<Option<(Arc<Definition>, Gate)>, blobs::Error> {
        if !contests::definition::is_name(contest) {
            return Ok(None);
        }
        if let Some((at, definition, gate)) = self.0.definitions.current.lock().get(contest)
            && at.elapsed() < FRESH
        {
            return Ok(Some((definition.clone(), gate.clone())));
        }
        // By the time before the reads: what was changed a second ago shows, however long they take.
        let began = Instant::now();
        let records = &self.0.context.records;
        let Some(revision) = records.current_revision(contest).await? else { return Ok(None) };
        let Some(definition) = self.definition(contest, revision).await? else { return Ok(None) };
        let (gate, withdrawn) = tokio::try_join!(records.gate(contest), records.withdrawn(contest))?;
        let gate = Gate { withdrawn, ..gate };
        let kept = (began, definition.clone(), gate.clone());
        self.0.definitions.current.lock().insert(contest.to_owned(), kept);
        Ok(Some((definition, gate)))
    }
}
