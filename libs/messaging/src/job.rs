//! What a consumer's handler gets and gives.

use std::error::Error;

use async_trait::async_trait;

use crate::Message;

/// A message as delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// How often it was delivered before, as far as the broker counts; 0 the first time.
    pub redeliveries: u32,
    /// Whether it may have been handled before, in part or wholly: what it asked for may be under way.
    pub again: bool,
}

/// Why a delivery was not handled.
#[derive(Debug)]
pub enum JobError {
    /// Something that passes: a store is out, a time-out. The message is delivered again.
    Retry(Box<dyn Error + Send + Sync>),
    /// Something that does not pass: the message is published to the dead-letter queue with this reason.
    Fail(Box<dyn Error + Send + Sync>),
}

impl JobError {
    /// Something that passes.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(error.into())
    }

    /// Something that does not pass.
    pub fn fail(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Fail(error.into())
    }
}

/// What a handler keeps for as long as a delivery is in its process's hands. Where it is dropped without
/// [`Hold::over`], the delivery went down with its subscription, and where it is now is not known.
pub trait Hold: Send {
    /// The delivery is over: handled, or a copy of it is confirmed elsewhere.
    fn over(self: Box<Self>);
}

/// Handles deliveries; must be idempotent. `Ok` acknowledges. A panic counts as [`JobError::Retry`],
/// and from the third delivery on as [`JobError::Fail`].
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Effect, then outputs with derived ids, then their confirms; only then return. What has not returned within
    /// [`HANDLE_TIMEOUT`](crate::topology::HANDLE_TIMEOUT) is dropped at its next await, and delivered again.
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError>;

    /// Told of a message as soon as it is delivered, before its turn.
    fn delivered(&self, _message: &Message) -> Option<Box<dyn Hold>> {
        None
    }

    /// Probes what the handler needs, while its subscription is cancelled after an outage.
    async fn healthy(&self) -> bool {
        true
    }
}
