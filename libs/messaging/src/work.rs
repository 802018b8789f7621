//! What becomes of a delivery, decided once for every bus.

mod outage;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::{RwLock, RwLockWriteGuard};
use tokio::time::Instant;
use tracing::Instrument;

pub(crate) use self::outage::Outage;
use crate::backoff::Backoff;
use crate::topology::{ALONE_FROM, HANDLE_TIMEOUT, MAX_DEATHS, MAX_PANICS, Queue, Step};
use crate::{DeadLetter, Delivery, Handler, Hold, JobError, Message};

/// Tries in place before a message is put aside: most hiccups of a store pass within a second.
const TRIES_IN_PLACE: u32 = 4;

/// What is remembered of a message from delivery to delivery, in headers of our own: a broker forgets its count when
/// a message passes through a delay queue, and a client's `x-death` is ignored by RabbitMQ 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    /// Times that it was put aside after transient failures.
    pub(crate) retries: u32,
    /// Panics of its handler.
    pub(crate) panics: u32,
    /// Deliveries that ended with their consumer or its connection.
    pub(crate) redeliveries: u32,
    /// Deaths of the process while it handled this message alone.
    pub(crate) deaths: u32,
}

impl Counters {
    /// Whether the message may crash its consumer, and is to be handled alone.
    pub(crate) fn suspect(self) -> bool {
        self.redeliveries >= ALONE_FROM || self.deaths > 0
    }
}

/// The turn of a suspect, beside nobody, until it is dropped.
pub(crate) type Alone<'a> = RwLockWriteGuard<'a, ()>;

/// What becomes of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Acknowledged.
    Done,
    /// Delivered again after a delay.
    Later(Step, Counters),
    /// Given up, for this reason.
    Dead(String),
}

/// One consumer's work.
pub(crate) struct Work {
    queue: &'static Queue,
    handler: Arc<dyn Handler>,
    /// Read by what works side by side, written by a suspect. It is fair: neither keeps the other waiting for long.
    gate: RwLock<()>,
    /// Whether what the handler needs is out.
    pub(crate) outage: Outage,
}

enum Failure {
    Transient(Box<dyn Error + Send + Sync>),
    Final(Box<dyn Error + Send + Sync>),
    Panic(String),
}

impl Work {
    pub(crate) fn new(queue: &'static Queue, handler: Arc<dyn Handler>) -> Self {
        // A counter that begins with its first event does not rise by it.
        for outcome in ["handled", "retried", "dead"] {
            metrics::counter!("messaging_deliveries_total", "queue" => queue.name, "outcome" => outcome).increment(0);
        }
        Self { queue, handler, gate: RwLock::default(), outage: Outage::default() }
    }

    /// Runs the handler beside others, once no suspect works, and decides. It takes [`HANDLE_TIMEOUT`] at most, and
    /// never panics.
    pub(crate) async fn decide(&self, message: Message, counters: Counters) -> Verdict {
        self.recorded(message, counters, None).await
    }

    /// Tells the handler of a delivery that has just come.
    pub(crate) fn delivered(&self, message: &Message) -> Option<Box<dyn Hold>> {
        self.handler.delivered(message)
    }

    /// Waits until nothing else is handled.
    pub(crate) async fn alone(&self) -> Alone<'_> {
        self.gate.write().await
    }

    /// As [`Self::decide`], for a suspect whose turn has come.
    pub(crate) async fn decide_alone(&self, turn: &Alone<'_>, message: Message, counters: Counters) -> Verdict {
        self.recorded(message, counters, Some(turn)).await
    }

    async fn recorded(&self, message: Message, counters: Counters, alone: Option<&Alone<'_>>) -> Verdict {
        let span = tracing::info_span!("deliver", queue = self.queue.name, message.id, message.kind);
        let id = message.id.clone();
        record_age(self.queue, &message);
        let began = Instant::now();
        let verdict = self.judge(message, counters, alone.is_some()).instrument(span).await;
        self.record(&id, &verdict, began.elapsed());
        verdict
    }

    async fn judge(&self, message: Message, counters: Counters, alone: bool) -> Verdict {
        if counters.deaths >= MAX_DEATHS {
            let times = counters.deaths;
            return Verdict::Dead(format!("its consumer died {times} times while it handled this message alone"));
        }
        let Counters { retries, panics, redeliveries, deaths } = counters;
        let again = retries > 0 || panics > 0 || redeliveries > 0 || deaths > 0;
        let delivery = Delivery { message, redeliveries, again };
        let handled = tokio::time::timeout(HANDLE_TIMEOUT, self.in_turn(delivery, alone));
        let failure = match handled.await {
            Ok(Ok(())) => return Verdict::Done,
            Ok(Err(failure)) => failure,
            Err(_elapsed) => Failure::Transient(format!("not handled within {HANDLE_TIMEOUT:?}").into()),
        };
        // Alone it crashed nothing, so its deliveries came from others' crashes.
        let redeliveries = if alone { 0 } else { counters.redeliveries };
        verdict(failure, Counters { redeliveries, ..counters })
    }

    async fn in_turn(&self, mut delivery: Delivery, alone: bool) -> Result<(), Failure> {
        let _turn = if alone { None } else { Some(self.gate.read().await) };
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for _ in 1..TRIES_IN_PLACE {
            match self.once(delivery.clone()).await {
                Err(Failure::Transient(_)) if !self.outage.lasts() => tokio::time::sleep(backoff.next()).await,
                settled => return settled,
            }
            delivery.again = true;
        }
        self.once(delivery).await
    }

    async fn once(&self, delivery: Delivery) -> Result<(), Failure> {
        let handled = AssertUnwindSafe(self.handler.handle(delivery)).catch_unwind().await;
        match handled {
            Ok(Ok(())) => {
                self.outage.over();
                Ok(())
            }
            Ok(Err(JobError::Retry(error))) => {
                self.outage.failed();
                Err(Failure::Transient(error))
            }
            Ok(Err(JobError::Fail(error))) => Err(Failure::Final(error)),
            Err(panic) => Err(Failure::Panic(words_of(panic.as_ref()))),
        }
    }

    /// Probes what the handler needs, with backoff, until it answers.
    pub(crate) async fn recovered(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        while !self.probe().await {
            tokio::time::sleep(backoff.next()).await;
        }
        self.outage.over();
    }

    async fn probe(&self) -> bool {
        let probe = AssertUnwindSafe(self.handler.healthy()).catch_unwind();
        matches!(tokio::time::timeout(Duration::from_secs(5), probe).await, Ok(Ok(true)))
    }

    fn record(&self, id: &str, verdict: &Verdict, took: Duration) {
        let queue = self.queue.name;
        let outcome = match verdict {
            Verdict::Done => "handled",
            Verdict::Later(..) => "retried",
            Verdict::Dead(reason) => {
                let reason = DeadLetter::brief(reason);
                tracing::error!(queue, message.id = id, reason = %reason, "gave up a message: it goes to the dead letters");
                "dead"
            }
        };
        metrics::counter!("messaging_deliveries_total", "queue" => queue, "outcome" => outcome).increment(1);
        metrics::histogram!("messaging_handle_seconds", "queue" => queue).record(took);
    }
}

fn verdict(failure: Failure, counters: Counters) -> Verdict {
    match failure {
        Failure::Final(error) => Verdict::Dead(chain(error.as_ref())),
        Failure::Transient(error) => {
            let step = match counters.retries {
                0 => Step::S1,
                1 => Step::S5,
                _ => Step::S15,
            };
            tracing::warn!(error = chain(error.as_ref()), retries = counters.retries, "put a message aside");
            Verdict::Later(step, Counters { retries: counters.retries + 1, ..counters })
        }
        Failure::Panic(words) if counters.panics + 1 >= MAX_PANICS => {
            Verdict::Dead(format!("its handler panicked {MAX_PANICS} times: {words}"))
        }
        Failure::Panic(words) => {
            tracing::error!(panic = words, "a handler panicked");
            Verdict::Later(Step::S1, Counters { panics: counters.panics + 1, ..counters })
        }
    }
}

/// The error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&e| e.source()).map(ToString::to_string);
    causes.reduce(|all, cause| if all.contains(&cause) { all } else { format!("{all}: {cause}") }).unwrap_or_default()
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

fn record_age(queue: &Queue, message: &Message) {
    let Some(time) = message.time() else { return };
    let age = Timestamp::now().duration_since(time).as_secs_f64().max(0.0);
    metrics::histogram!("messaging_event_age_seconds", "queue" => queue.name).record(age);
}

/// Records how long a publish took, and how it ended.
pub(crate) fn record_publish(began: Instant, result: &Result<(), crate::PublishError>) {
    let outcome = match result {
        Ok(()) => "confirmed",
        Err(crate::PublishError::Unknown) => "unknown",
        Err(crate::PublishError::Refused(_)) => "refused",
        Err(crate::PublishError::Unreachable(_)) => "unreachable",
    };
    metrics::histogram!("messaging_publish_confirm_seconds", "outcome" => outcome).record(began.elapsed());
}
