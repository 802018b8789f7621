//! Publish, consume, delay: one trait, [`Bus`], over RabbitMQ quorum queues and over the
//! embedded database, and one contract suite that both pass.
//!
//! Nothing is acknowledged before its handler returned, and no publish is done before its
//! confirm. Ack, retry and dead letter are decided here, once; handlers never see lapin.

mod backoff;
pub mod embedded;
mod job;
mod message;
pub mod rabbitmq;
pub mod topology;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
pub use job::{Delivery, Handler, Hold, JobError};
pub use message::{DeadLetter, Message, Route};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::topology::{Queue, Step, delay_queue, suspects_queue};

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The confirm did not come in time: the message may or may not have been taken.
    #[error("the broker did not confirm in time; whether it took the message is unknown")]
    Unknown,
    /// The broker refused it (nack, no queue bound, too large): it was not taken.
    #[error("the broker refused the message: {0}")]
    Refused(String),
    /// No connection: it was not sent.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(String),
}

/// Why a question to the broker was not answered.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not answer: {0}")]
pub struct BrokerError(pub String);

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Messages that wait.
    pub ready: u64,
    /// Messages that are with consumers; 0 where the broker cannot tell by AMQP.
    pub unacknowledged: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A message bus.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Publishes and awaits the confirm. Publish concurrently: a confirm takes milliseconds.
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError>;

    /// Makes a group's queues from 0 up, so many, so that no message waits for that; no change where they are there.
    async fn declare(&self, _group: &'static Queue, _queues: usize) -> Result<(), BrokerError> {
        Ok(())
    }

    /// Feeds a queue's messages to the handler until `shutdown`, then drains and returns. Reconnects for ever.
    /// Of a group: those of all its queues, also of those that are made later.
    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken);

    /// How full a queue is; of a group: all its queues together.
    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError>;

    /// How many messages wait for a queue's or group's consumers, those that are put aside or to be handled alone too.
    /// What is with a consumer is not among them, unless the bus knows it. A message goes from a delay to its queue, and
    /// they are looked at in that order, so that none is passed by on its way.
    async fn waiting(&self, queue: &'static Queue) -> Result<u64, BrokerError> {
        let aside = Step::ALL.map(|step| delay_queue(step, queue.name));
        let mut waiting = 0;
        for name in aside.iter().chain([&suspects_queue(queue.name)]) {
            waiting += self.depth(name).await?.ready;
        }
        let depth = self.depth(queue.name).await?;
        Ok(waiting + depth.ready + depth.unacknowledged)
    }

    /// Whether all that was delivered to this process before then has been handed to its handlers, but for what
    /// [`Bus::depth`] still tells.
    fn has_read_since(&self, then: Instant) -> bool;

    /// Whether the bus can take messages now; else why not, for `/readyz`.
    async fn ready(&self) -> Result<(), BrokerError>;

    /// Up to `limit` dead letters, oldest first, left in place.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError>;

    /// Puts the dead letter of that message id back into the queue that it came from. `false`: there is none.
    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError>;

    /// Drops the dead letter of that message id for good. `false`: there is none.
    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError>;
}
