//! Many deliveries, few calls of the stores: batches that wait together are one round.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use messaging::{
    Delivery, Handler, JobError,
    topology::{GROUPS, Queue},
};
use tokio::sync::{mpsc, oneshot};

use crate::{Delivered, Failure, Round, Tally};

/// Batches of one round at most: beats are small, and many wait at once.
const BATCHES: usize = 64;
/// Bytes of one round, the last batch aside, some thousand ballots: what is under way must be logged within the
/// seconds that one call may take, by a log that takes few thousand ballots a second, too.
const BYTES: usize = 256 << 10;
/// Rounds on their way at a time: while one waits for the log's disk, the next is prepared.
const ROUNDS: usize = 2;

/// A batch, and who waits until it is counted.
struct Waiting {
    delivered: Delivered,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// Handles the batches of one group of queues.
pub struct Combiner {
    tally: Tally,
    group: &'static Queue,
    queue: mpsc::Sender<Waiting>,
}

/// A handler for each of [`GROUPS`], and the work behind them, which ends once all handlers are dropped.
pub fn combiner(tally: &Tally) -> (Vec<Combiner>, impl Future<Output = ()> + use<>) {
    let (queue, waiting) = mpsc::channel(BATCHES);
    let handler = |group: &&'static Queue| Combiner { tally: tally.clone(), group, queue: queue.clone() };
    (GROUPS.iter().map(handler).collect(), combine(Round::of(tally), waiting))
}

async fn combine(round: Round, mut waiting: mpsc::Receiver<Waiting>) {
    let mut running: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = running.next(), if !running.is_empty() => {}
            first = waiting.recv(), if running.len() < ROUNDS => {
                let Some(first) = first else { break };
                running.push(one(round.clone(), gather(first, &mut waiting)).boxed());
            }
        }
    }
    while running.next().await.is_some() {}
}

/// What waits already.
fn gather(first: Waiting, waiting: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut bytes = first.delivered.body.len();
    let mut gathered = vec![first];
    while gathered.len() < BATCHES && bytes < BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += next.delivered.body.len();
        gathered.push(next);
    }
    gathered
}

async fn one(round: Round, waiting: Vec<Waiting>) {
    #[expect(clippy::cast_precision_loss, reason = "a round is small")]
    metrics::histogram!("tally_round_batches").record(waiting.len() as f64);
    let (delivered, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.delivered, w.done)).unzip();
    if let Ok(done) = AssertUnwindSafe(round.run(&delivered)).catch_unwind().await {
        for (done, answer) in done.into_iter().zip(answers) {
            // Nobody waits any more where its consumer was cut off; the batch comes again.
            let _ = answer.send(done);
        }
        return;
    }
    // Whichever made it panic takes no other with it.
    for (one, answer) in delivered.into_iter().zip(answers) {
        if let Ok(mut done) = AssertUnwindSafe(round.run(&[one])).catch_unwind().await {
            let _ = answer.send(done.pop().unwrap_or(Ok(())));
        }
    }
}

#[async_trait]
impl Handler for Combiner {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let (done, answer) = oneshot::channel();
        let delivered = Delivered { group: self.group, body: delivery.message.body };
        let stops = || JobError::retry("the process stops");
        self.queue.send(Waiting { delivered, done }).await.map_err(|_| stops())?;
        // Panics are counted where messages are given up.
        match answer.await.expect("counting this batch does not panic") {
            Ok(()) => Ok(()),
            Err(failure @ Failure::Retry(_)) => Err(JobError::retry(failure)),
            Err(failure @ Failure::Fail(_)) => Err(JobError::fail(failure)),
        }
    }

    async fn healthy(&self) -> bool {
        self.tally.ballots().ready().await.is_ok() && self.tally.tallies().ready().await.is_ok()
    }
}
