//! Up to when each subscription has read what the broker delivered to it.
//!
//! A broker says how many messages are ready, and not which are with consumers. Frames of a channel keep their order (AMQP
//! 0-9-1, 4.7), so that the answer to a question on a subscription's channel comes after what was delivered to it
//! before the question: a connection over which nothing comes any more is told from one that has nothing to deliver.

use std::sync::{Arc, Weak};
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicQosOptions;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Between an answer and the next question.
const ASK: Duration = Duration::from_millis(200);

/// All subscriptions of this process.
#[derive(Default)]
pub(super) struct Reads(Mutex<Vec<Weak<Mutex<Instant>>>>);

/// One subscription, until it is dropped.
pub(super) struct Reading(Arc<Mutex<Instant>>);

impl Reads {
    /// One begins, and has read nothing yet.
    pub(super) fn begin(&self) -> Reading {
        let reading = Arc::new(Mutex::new(Instant::now()));
        let mut all = self.0.lock();
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&reading));
        Reading(reading)
    }

    /// Whether each has read what was delivered before that.
    pub(super) fn all_since(&self, then: Instant) -> bool {
        self.0.lock().iter().filter_map(Weak::upgrade).all(|read| *read.lock() > then)
    }
}

impl Reading {
    /// All that was delivered before then has been taken.
    pub(super) fn up_to(&self, then: Instant) {
        *self.0.lock() = then;
    }
}

/// Asks, after a while, what changes nothing. When it was asked, once it is answered.
pub(super) async fn asked(channel: &Channel, prefetch: u16) -> lapin::Result<Instant> {
    tokio::time::sleep(ASK).await;
    let asked = Instant::now();
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    Ok(asked)
}
