//! Many deliveries, few calls of the stores: batches that wait together are one round.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use messaging::{
    Delivery, Handler, Hold, JobError, Message,
    topology::{GROUPS, Queue},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{Delivered, Failure, Round, Tally};

/// Batches of one round at most: beats are small, and many wait at once.
const BATCHES: usize = 64;
/// Bytes of one round, the last batch aside, some thousand ballots: what is under way must be logged within the
/// seconds that one call may take, by a log that takes few thousand ballots a second, too.
const BYTES: usize = 256 << 10;
/// Rounds on their way at a time: while one waits for the log's disk, the next is prepared.
const ROUNDS: usize = 2;
/// Bytes of batches that are admitted at a time: those of the rounds on their way, and of the next. All others wait with
/// their consumers, in the order in which they came, and what waits there for too long goes without having been in a
/// round's way.
const ADMITTED: usize = (ROUNDS + 1) * BYTES;

/// A batch, and who waits until it is counted.
struct Waiting {
    delivered: Delivered,
    done: oneshot::Sender<Result<(), Failure>>,
    admitted: Option<OwnedSemaphorePermit>,
}

/// Handles the batches of one group of queues.
pub struct Combiner {
    tally: Tally,
    group: &'static Queue,
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A handler for each of [`GROUPS`], and the work behind them, which ends once all handlers are dropped.
pub fn combiner(tally: &Tally) -> (Vec<Combiner>, impl Future<Output = ()> + use<>) {
    let (queue, waiting) = mpsc::channel(BATCHES);
    let room = Arc::new(Semaphore::new(ADMITTED));
    let handler = |group: &&'static Queue| {
        let (tally, queue, room) = (tally.clone(), queue.clone(), room.clone());
        Combiner { tally, group, queue, room }
    };
    (GROUPS.iter().map(handler).collect(), combine(Round::of(tally), waiting))
}

async fn combine(round: Round, mut waiting: mpsc::Receiver<Waiting>) {
    let mut running: FuturesUnordered<BoxFuture<'static, bool>> = FuturesUnordered::new();
    let mut bytes = BYTES;
    loop {
        tokio::select! {
            biased;
            Some(answered) = running.next(), if !running.is_empty() => bytes = next_size(bytes, answered),
            first = waiting.recv(), if running.len() < ROUNDS => {
                let Some(first) = first else { break };
                let gathered = gather(first, &mut waiting, bytes);
                if !gathered.is_empty() {
                    running.push(one(round.clone(), gathered).boxed());
                }
            }
        }
    }
    while running.next().await.is_some() {}
}

/// Bytes of the next round. What the stores did not take in time they may take in halves, down to single batches.
fn next_size(bytes: usize, answered: bool) -> usize {
    if answered { (bytes * 2).min(BYTES) } else { (bytes / 2).max(1) }
}

/// What waits already. Whom nobody waits for any more is left out: its batch was put aside, and comes again.
fn gather(first: Waiting, waiting: &mut mpsc::Receiver<Waiting>, most: usize) -> Vec<Waiting> {
    let (mut gathered, mut bytes, mut next) = (Vec::new(), 0, Some(first));
    while let Some(one) = next {
        if !one.done.is_closed() {
            bytes += one.delivered.body.len();
            gathered.push(one);
        }
        let full = gathered.len() >= BATCHES || bytes >= most;
        next = if full { None } else { waiting.try_recv().ok() };
    }
    gathered
}

/// One round; whether the stores answered in time.
async fn one(round: Round, waiting: Vec<Waiting>) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a round is small")]
    metrics::histogram!("tally_round_batches").record(waiting.len() as f64);
    let mut admitted = Vec::with_capacity(waiting.len());
    let parts = waiting.into_iter().map(|w| {
        admitted.push(w.admitted);
        (w.delivered, w.done)
    });
    let (delivered, answers): (Vec<_>, Vec<_>) = parts.unzip();
    if let Ok(done) = AssertUnwindSafe(round.run(&delivered)).catch_unwind().await {
        let answered = !done.iter().any(|done| matches!(done, Err(Failure::Retry(_))));
        for (done, answer) in done.into_iter().zip(answers) {
            // Nobody waits any more where its consumer was cut off; the batch comes again.
            let _ = answer.send(done);
        }
        return answered;
    }
    // Whichever made it panic takes no other with it.
    for (one, answer) in delivered.into_iter().zip(answers) {
        if let Ok(mut done) = AssertUnwindSafe(round.run(&[one])).catch_unwind().await {
            let _ = answer.send(done.pop().unwrap_or(Ok(())));
        }
    }
    true
}

#[async_trait]
impl Handler for Combiner {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let body = delivery.message.body;
        let room = u32::try_from(body.len().min(BYTES)).expect("a round is small");
        let admitted = self.room.clone().acquire_many_owned(room).await.ok();
        let (done, answer) = oneshot::channel();
        let delivered = Delivered { group: self.group, body };
        let stops = || JobError::retry("the process stops");
        self.queue.send(Waiting { delivered, done, admitted }).await.map_err(|_| stops())?;
        // Panics are counted where messages are given up.
        match answer.await.expect("counting this batch does not panic") {
            Ok(()) => Ok(()),
            Err(failure @ Failure::Retry(_)) => Err(JobError::retry(failure)),
            Err(failure @ Failure::Fail(_)) => Err(JobError::fail(failure)),
        }
    }

    fn delivered(&self, message: &Message) -> Option<Box<dyn Hold>> {
        self.tally.0.hands.take(message)
    }

    async fn healthy(&self) -> bool {
        self.tally.ballots().ready().await.is_ok() && self.tally.tallies().ready().await.is_ok()
    }
}

#[cfg(test)]
mod tests;
