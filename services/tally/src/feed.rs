//! The steps of a round: log, freeze, count. Each may be left undone by a crash and done again by anybody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ballots::{Held, Incoming};
use bytes::Bytes;
use contests::{Batch, Definition, Entry, Verdict, batch::TYPE};
use domain::limits::MESSAGE_BYTES;
use futures::future::try_join_all;
use jiff::Timestamp;
use messaging::{Message, Route, topology::Queue};
use state::tallies::Applied;
use uuid::Uuid;

use crate::{Tally, hands::SUBJECT};

/// A batch as it was delivered.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The group of queues that it came from.
    pub group: &'static Queue,
    /// Its body.
    pub body: Bytes,
}

/// Why a batch was not counted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Something that passes.
    #[error("{0}")]
    Retry(String),
    /// Nobody can read it.
    #[error("{0}")]
    Fail(String),
}

impl Failure {
    fn retry(error: impl std::fmt::Display) -> Self {
        Self::Retry(error.to_string())
    }
}

/// One batch after its ballots were logged: the entry to be frozen, or why there is none.
pub type Logged = Result<Entry, Failure>;

/// One round over some batches. The steps take what the one before gave.
#[derive(Clone)]
pub struct Round(Tally);

impl Round {
    /// A round of this tally.
    pub fn of(tally: &Tally) -> Self {
        Self(tally.clone())
    }

    /// All steps: what became of each batch, in order.
    pub async fn run(&self, delivered: &[Delivered]) -> Vec<Result<(), Failure>> {
        match self.try_run(delivered).await {
            Ok(done) => done,
            Err(failure) => delivered.iter().map(|_| Err(failure.clone())).collect(),
        }
    }

    async fn try_run(&self, delivered: &[Delivered]) -> Result<Vec<Result<(), Failure>>, Failure> {
        let logged = self.log(delivered).await?;
        let entries: Vec<Entry> = logged.iter().filter_map(|logged| logged.as_ref().ok().cloned()).collect();
        let until = self.0.count_until();
        let held = self.freeze(&entries).await?;
        let mut counted = self.count(held, until).await?.into_iter();
        let next = |logged: Logged| logged.and_then(|_| counted.next().unwrap_or(Ok(())));
        Ok(logged.into_iter().map(next).collect())
    }

    /// Logs the ballots, and publishes those that do not fit to the dead letters.
    pub async fn log(&self, delivered: &[Delivered]) -> Result<Vec<Logged>, Failure> {
        let mut read = Vec::with_capacity(delivered.len());
        for one in delivered {
            read.push(self.read(one).await?);
        }
        let known = read.iter().zip(delivered).filter_map(|(read, from)| {
            let read = read.as_ref().ok()?;
            let definition = read.definition.as_deref()?;
            Some(Incoming { batch: &read.batch, body: from.body.clone(), dead: &read.dead, definition })
        });
        let known: Vec<Incoming<'_>> = known.collect();
        let verdicts =
            if known.is_empty() { vec![] } else { self.0.ballots().insert(&known).await.map_err(Failure::retry)? };
        // Once the log answers: what is tried again because it does not would bury them at each try.
        let readable = read.iter().zip(delivered).filter_map(|(read, from)| Some((read.as_ref().ok()?, from)));
        try_join_all(readable.map(|(read, from)| self.bury(read, from))).await?;
        let (mut verdicts, mut logged) = (verdicts.into_iter(), Vec::with_capacity(read.len()));
        for read in read {
            logged.push(match read {
                Ok(Read { definition: None, batch, .. }) => Ok(Entry::dead(&batch)),
                Ok(Read { definition: Some(definition), batch, .. }) => {
                    self.fold(&definition, &batch, &verdicts.next().unwrap_or_default()).await?
                }
                Err(failure) => Err(failure),
            });
        }
        Ok(logged)
    }

    async fn fold(&self, definition: &Definition, batch: &Batch<'_>, verdicts: &[Verdict]) -> Result<Logged, Failure> {
        let mut entry = match Entry::fold(definition, batch, verdicts) {
            Ok(entry) => entry,
            Err(unfit) => return Ok(Err(Failure::Fail(unfit.to_string()))),
        };
        self.0.limit_keys(definition, &mut entry).await.map_err(Failure::retry)?;
        Ok(Ok(entry))
    }

    /// Writes the entries down, each as it was first written.
    pub async fn freeze(&self, entries: &[Entry]) -> Result<Vec<Held>, Failure> {
        if entries.is_empty() {
            return Ok(vec![]);
        }
        let held = self.0.ballots().freeze(entries).await.map_err(Failure::retry)?;
        // What is counted in a new slot shows at once.
        self.0.0.generations.heed(entries.iter().map(|entry| (entry.contest.as_str(), entry.slot)));
        held.iter().filter(|held| held.fresh).for_each(|held| record(&held.entry));
        Ok(held)
    }

    /// Counts the entries that are not settled, each once.
    pub async fn count(&self, held: Vec<Held>, until: Timestamp) -> Result<Vec<Result<(), Failure>>, Failure> {
        let mut by_generation: BTreeMap<u32, (Vec<usize>, Vec<Entry>)> = BTreeMap::new();
        let mut done: Vec<Result<(), Failure>> = vec![Ok(()); held.len()];
        for (at, held) in held.into_iter().enumerate() {
            let generation = self.0.known(&held.entry.contest).await.map_err(Failure::retry)?.generation;
            // The counters hold it for good, and may have forgotten that they do.
            if held.mark < generation {
                let (positions, entries) = by_generation.entry(generation).or_default();
                positions.push(at);
                entries.push(held.entry);
            }
        }
        for (generation, (positions, entries)) in by_generation {
            let applied = self.0.tallies().apply(generation, &entries, until).await.map_err(Failure::retry)?;
            for ((at, applied), entry) in positions.into_iter().zip(applied).zip(&entries) {
                match applied {
                    Applied::Now => counted(entry),
                    Applied::Already(_) => {}
                    Applied::TooLate => done[at] = Err(Failure::Retry("the batch was held back too long".into())),
                }
            }
        }
        Ok(done)
    }

    async fn read<'a>(&self, one: &'a Delivered) -> Result<Result<Read<'a>, Failure>, Failure> {
        let batch = match Batch::decode(&one.body) {
            Ok(batch) => batch,
            Err(malformed) => return Ok(Err(Failure::Fail(malformed.to_string()))),
        };
        let header = &batch.header;
        let definition = self.0.definition(&header.contest, header.revision).await.map_err(Failure::retry)?;
        let definition = definition.filter(|definition| definition.is_of(header));
        let all = batch.casts.iter().enumerate();
        let (dead, reason) = match &definition {
            None => (all.map(|(at, _)| at).collect(), "nobody knows this contest at this revision".to_owned()),
            Some(definition) => {
                let mut reason = String::new();
                let bad = all.filter(|(_, cast)| match definition.check(&batch, cast) {
                    Ok(()) => false,
                    Err(faults) => {
                        if let Some(fault) = faults.first().filter(|_| reason.is_empty()) {
                            reason = format!("{}: {}", fault.field, fault.message);
                        }
                        true
                    }
                });
                (bad.map(|(at, _)| at).collect::<Vec<_>>(), reason)
            }
        };
        Ok(Ok(Read { batch, definition, dead, reason }))
    }

    /// Publishes the ballots that do not fit as batches of their own; their ids derive from this one's. Not again once
    /// the batch has its entry in the ledger, which is written after this.
    async fn bury(&self, read: &Read<'_>, from: &Delivered) -> Result<(), Failure> {
        let header = &read.batch.header;
        if read.dead.is_empty() || self.is_frozen(&header.contest, header.batch).await? {
            return Ok(());
        }
        let reason = format!("{} of {} ballots do not fit; {}", read.dead.len(), read.batch.casts.len(), read.reason);
        for (part, body) in read.batch.extract_within(&read.dead, MESSAGE_BYTES).into_iter().enumerate() {
            let id = format!("{}.dead.{part}", header.batch);
            // As ingest names it: one that is asked for again is in hand as any other.
            let subject = format!("{SUBJECT}{}", header.contest);
            let message = Message::binary(TYPE, id, &subject, header.time, body.into());
            let route = Route::Dead(from.group, reason.clone());
            self.0.context().bus.publish(&route, message).await.map_err(Failure::retry)?;
        }
        tracing::warn!(contest = header.contest, batch.id = %header.batch, ballots = read.dead.len(), "ballots that do not fit went to the dead letters");
        Ok(())
    }

    async fn is_frozen(&self, contest: &str, batch: Uuid) -> Result<bool, Failure> {
        Ok(self.0.ballots().entry(contest, batch).await.map_err(Failure::retry)?.is_some())
    }
}

/// A batch that was read.
struct Read<'a> {
    batch: Batch<'a>,
    definition: Option<Arc<Definition>>,
    /// The positions of the ballots that do not fit.
    dead: Vec<usize>,
    /// What is wrong with the first of them.
    reason: String,
}

/// Counts what became of a batch's ballots, once.
fn record(entry: &Entry) {
    let conflicting = entry.conflicting;
    let verdicts = [
        (Verdict::Counted, entry.counted),
        (Verdict::Duplicate, entry.duplicate.saturating_sub(conflicting)),
        (Verdict::Conflicting, conflicting),
        (Verdict::OverLimit, entry.over_limit),
        (Verdict::Dead, entry.dead),
    ];
    for (verdict, ballots) in verdicts.into_iter().filter(|(_, ballots)| *ballots > 0) {
        let outcome = match verdict {
            Verdict::Counted => "counted",
            Verdict::Duplicate => "duplicate",
            Verdict::Conflicting => "conflicting",
            Verdict::OverLimit => "over_limit",
            Verdict::Dead => "dead",
        };
        metrics::counter!("tally_ballots_total", "contest" => entry.contest.clone(), "outcome" => outcome)
            .increment(ballots);
    }
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    metrics::histogram!("tally_batch_ballots").record(entry.ballots as f64);
}

/// Measures the time from when a batch was cut until it was counted: once where it is counted at last, again where the
/// counters had lost it.
pub fn counted(entry: &Entry) {
    let lag = Timestamp::now().duration_since(entry.time);
    let lag = Duration::try_from(lag).unwrap_or_default();
    metrics::histogram!("tally_lag_seconds", "contest" => entry.contest.clone()).record(lag);
}
