//! The audit: one snapshot of the ledger after evidence that nothing is under way. However many ask, one is made at a
//! time, and standings, which only show whether all is settled, never wait for it.

use blobs::Changes;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use contests::{Audit, Definition, Gate, audit::Circumstances};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::Tally;

/// Between two audits that are made only for standings; longer where one takes long.
const EVERY: Duration = Duration::from_secs(1);
/// How often as long as an audit took is waited until the next: the first of a process reads the whole ledger of the
/// contest, later ones what came since, and every producer that did not end in order.
const REST: u32 = 5;
/// How old an audit may be, beside that, until nothing is known: where the log does not answer.
const VALID: Duration = Duration::from_secs(10);
/// How long standings wait for a contest's first audit.
const FIRST: Duration = Duration::from_secs(1);
/// How long after a contest was closed its standings may be final: ingest looks at gates every second, and waits as
/// long for a batch to be confirmed that was cut just before.
const CLOSED: SignedDuration = SignedDuration::from_secs(5);
/// How long a producer that said nothing since the close must have been silent: a living one beats a second after its
/// last ballots were confirmed.
const SILENT: SignedDuration = SignedDuration::from_secs(10);

/// For how long an audit looks again where something is under way: of other contests perhaps, which have the same queues.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two such looks.
const AGAIN: Duration = Duration::from_millis(50);

/// How often each contest is audited though nobody asks: an alarm looks at what audits tell.
const UNASKED: Duration = Duration::from_mins(1);

/// Audits every contest now and then, until `shutdown`.
pub async fn run(tally: Tally, shutdown: CancellationToken) {
    let audits = async {
        loop {
            if let Err(error) = tally.audit_all().await {
                tracing::debug!(%error, "no audit by itself");
            }
            tokio::time::sleep(UNASKED).await;
        }
    };
    shutdown.run_until_cancelled(audits).await;
}

/// What is kept.
#[derive(Default)]
pub struct Audits {
    flights: Mutex<HashMap<String, Arc<Flight>>>,
    tasks: TaskTracker,
}

/// One contest's audits: one at a time.
#[derive(Default)]
struct Flight {
    one: tokio::sync::Mutex<()>,
    latest: watch::Sender<Option<Arc<Audited>>>,
    /// Whether one is being made for standings.
    refreshing: AtomicBool,
    /// When the next one is due for standings.
    due: Mutex<Option<Instant>>,
    /// Of which close the contest was seen to be final, and with how many entries. It stays so, whatever is under way of
    /// other contests, until another entry of it comes: a producer's last word, or a dead letter that was asked for again.
    finished: Mutex<Option<(Close, u64)>>,
}

/// By what a contest is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    /// Since when.
    pub(crate) at: Timestamp,
    /// When its file was exchanged last: one that opened it in between may have let ballots in.
    pub(crate) redefined: Option<Timestamp>,
}

/// An audit, and of when it is.
pub struct Audited {
    /// What it says.
    pub(crate) audit: Audit,
    /// All that was accepted by then is in it, where it is settled.
    at: Timestamp,
    began: Instant,
    ended: Instant,
}

impl Audited {
    /// Whether nothing can come any more to a contest that was closed then.
    pub(crate) fn is_final(&self, close: Close) -> bool {
        let closed = close.at;
        let after = |time: Timestamp, rest| self.at.duration_since(time) >= rest;
        let told = |newest: Timestamp| newest >= closed || after(newest, SILENT);
        self.audit.settled && after(closed, CLOSED) && self.audit.producers.iter().all(|producer| told(producer.newest))
    }

    fn took(&self) -> Duration {
        self.ended - self.began
    }
}

impl Tally {
    /// A contest's audit, as of now.
    pub async fn audit(&self, contest: &str) -> Result<Audit, ballots::Error> {
        Ok(self.audited(contest).await?.audit.clone())
    }

    async fn audited(&self, contest: &str) -> Result<Arc<Audited>, ballots::Error> {
        let asked = Instant::now();
        let flight = self.flight(contest);
        let _one = flight.one.lock().await;
        // One that began after this was asked for is as of now.
        if let Some(latest) = flight.latest.borrow().as_ref().filter(|latest| latest.began >= asked) {
            return Ok(latest.clone());
        }
        let (began, at) = (Instant::now(), Timestamp::now());
        let finished = self.finished_now(contest, at).await;
        let queues_empty = finished.is_some() || self.is_nothing_under_way(contest).await;
        let tell = |settled| metrics::gauge!("tally_settled", "contest" => contest.to_owned()).set(settled);
        let snapshot = self.ballots().snapshot(contest).await.inspect_err(|_| tell(0.0))?;
        let more = finished.is_some_and(|entries| entries != snapshot.totals.batches);
        if more {
            // The next audit looks anew whether that is all.
            *flight.finished.lock() = None;
        }
        let queues_empty = queues_empty && !more;
        let audit = Audit::of(contest, &snapshot.producers, snapshot.totals, Circumstances { now: at, queues_empty });
        tell(if audit.settled { 1.0 } else { 0.0 });
        let audited = Arc::new(Audited { audit, at, began, ended: Instant::now() });
        flight.latest.send_replace(Some(audited.clone()));
        Ok(audited)
    }

    async fn is_nothing_under_way(&self, contest: &str) -> bool {
        let began = Instant::now();
        while !self.evidence(Instant::now()).await.is_of(contest) {
            if began.elapsed() >= PATIENCE {
                return false;
            }
            tokio::time::sleep(AGAIN).await;
        }
        true
    }

    /// With how many entries the contest is final, if it was seen to be and is closed since.
    async fn finished_now(&self, contest: &str, now: Timestamp) -> Option<u64> {
        let (definition, gate) = self.current(contest).await.ok()??;
        self.finished(contest, self.close(&definition, &gate, now).await?)
    }

    /// By what the contest is closed; `None`: it is not, or its file's changes are not known.
    pub(crate) async fn close(&self, definition: &Definition, gate: &Gate, now: Timestamp) -> Option<Close> {
        let closed = gate.closed_since(&definition.open, now)?;
        let Changes { redefined, commanded } = self.changes(&definition.name).await.ok()?;
        // A command says when it was given; a slow store may have had it later, and others read it later still.
        let at = commanded.map_or(closed, |commanded| closed.max(commanded));
        Some(Close { at, redefined })
    }

    /// With how many entries the contest is final since that close, if it was seen to be.
    pub(crate) fn finished(&self, contest: &str, close: Close) -> Option<u64> {
        self.flight(contest).finished.lock().filter(|(of, _)| *of == close).map(|(_, entries)| entries)
    }

    /// Notes that the contest is final since that close.
    pub(crate) fn finish(&self, contest: &str, close: Close, entries: u64) {
        *self.flight(contest).finished.lock() = Some((close, entries));
    }

    fn flight(&self, contest: &str) -> Arc<Flight> {
        self.0.audits.flights.lock().entry(contest.to_owned()).or_default().clone()
    }

    /// A contest's last audit, some seconds old at most; `None`: there is none, because the log does not answer, or
    /// not in time. The next one is made meanwhile.
    pub(crate) async fn last_audit(&self, contest: &str) -> Option<Arc<Audited>> {
        let flight = self.flight(contest);
        self.refresh(contest, &flight);
        let mut latest = flight.latest.subscribe();
        let first = tokio::time::timeout(FIRST, latest.wait_for(Option::is_some)).await;
        let latest = first.ok()?.ok()?.clone()?;
        let valid = VALID + latest.took() * (REST + 1);
        (latest.ended.elapsed() < valid).then_some(latest)
    }

    /// Audits each contest, one after the other, so that what it tells is known where nobody asks.
    async fn audit_all(&self) -> Result<(), ballots::Error> {
        let mut failed = Ok(());
        for known in self.ballots().contests().await? {
            // What one contest's ledger is in for is no matter of the others.
            failed = self.audited(&known.name).await.map(drop).and(failed);
        }
        failed
    }

    /// Makes an audit beside, where one is due.
    fn refresh(&self, contest: &str, flight: &Arc<Flight>) {
        let is_due = flight.due.lock().is_none_or(|due| Instant::now() >= due);
        if !is_due || flight.refreshing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (tally, contest, flight) = (self.clone(), contest.to_owned(), flight.clone());
        // Tracked, though nobody waits for it: it reads only.
        self.0.audits.tasks.spawn(async move {
            let began = Instant::now();
            if let Err(error) = tally.audited(&contest).await {
                tracing::warn!(%error, contest, "no audit: standings are shown as not settled");
            }
            *flight.due.lock() = Some(Instant::now() + EVERY.max(began.elapsed() * REST));
            flight.refreshing.store(false, Ordering::Relaxed);
        });
    }
}
