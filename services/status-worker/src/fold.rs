//! Facts into states: many deliveries, one call of the store.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Fact;
use messaging::{Delivery, Handler, JobError};
use state::{Error, States};
use tokio::sync::{mpsc, oneshot};

/// Facts that one call of the store takes at most: as many as one consumer has in flight.
const BATCH: usize = 256;

/// A fact, and who waits until it is added.
struct Waiting {
    fact: Fact,
    added: oneshot::Sender<Result<(), Error>>,
}

/// Handles every fact.
pub struct Folder {
    queue: mpsc::Sender<Waiting>,
    states: Arc<dyn States>,
}

/// A handler, and the work behind it, which ends once the handler is dropped.
pub fn folder(states: Arc<dyn States>) -> (Folder, impl Future<Output = ()>) {
    let (queue, waiting) = mpsc::channel(BATCH);
    (Folder { queue, states: states.clone() }, fold(waiting, states))
}

async fn fold(mut waiting: mpsc::Receiver<Waiting>, states: Arc<dyn States>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        metrics::histogram!("status_worker_batch_size").record(batch.len() as f64);
        let (facts, answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|w| (w.fact, w.added)).unzip();
        let added = states.add(&facts).await;
        for answer in answers {
            // Nobody waits any more where its consumer was cut off; the message comes again.
            let _ = answer.send(added.clone());
        }
    }
}

#[async_trait]
impl Handler for Folder {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let fact: Fact = delivery.message.data().map_err(JobError::fail)?;
        let (added, answer) = oneshot::channel();
        self.queue.send(Waiting { fact, added }).await.map_err(|_| JobError::retry("the process stops"))?;
        answer.await.map_err(|_| JobError::retry("the process stops"))?.map_err(JobError::retry)
    }

    async fn healthy(&self) -> bool {
        self.states.ready().await.is_ok()
    }
}
