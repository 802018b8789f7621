//! Dead letters on the broker: read by `basic.get` on a channel of their own. What is not taken for good goes back
//! when the channel closes, in its old place.

use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};

use super::{ANSWER, RabbitMq, answered, wire};
use crate::topology::{self, DEAD_LETTER_QUEUE};
use crate::work::Counters;
use crate::{BrokerError, DeadLetter, Message};

/// Every reading counts as a delivery, and without a policy RabbitMQ 4 drops a message at its 21st: from this one on
/// a dead letter is published anew before it is acknowledged, which sets the count back.
const FRESHEN_FROM: u32 = 8;

/// Dead letters being read.
struct Reading<'a> {
    bus: &'a RabbitMq,
    channel: Channel,
    queue: String,
}

impl<'a> Reading<'a> {
    async fn begin(bus: &'a RabbitMq) -> Result<Self, BrokerError> {
        let connection = bus.connection().await?;
        let channel = answered(ANSWER, connection.create_channel()).await?;
        Ok(Self { bus, channel, queue: bus.names.on_broker(DEAD_LETTER_QUEUE) })
    }

    async fn next(&self) -> Result<Option<Delivery>, BrokerError> {
        let got = self.channel.basic_get(self.queue.as_str().into(), BasicGetOptions::default());
        Ok(answered(ANSWER, got).await?.map(|got| got.delivery))
    }

    async fn find(&self, id: &str) -> Result<Option<Delivery>, BrokerError> {
        while let Some(delivery) = self.next().await? {
            if delivery.properties.message_id().as_ref().is_some_and(|found| found.as_str() == id) {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    async fn take(&self, delivery: &Delivery) -> Result<(), BrokerError> {
        let ack = self.channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default());
        answered(ANSWER, ack).await
    }

    /// Publishes a copy with these headers, and takes the original once the copy is confirmed.
    async fn replace(&self, delivery: &Delivery, queue: &str, headers: FieldTable) -> Result<(), BrokerError> {
        let message = message(delivery);
        let published = self.bus.publisher.to_queue(queue, &message, headers).await;
        published.map_err(|e| BrokerError(e.to_string()))?;
        self.take(delivery).await
    }

    /// Gives back what was read; awaited, so that the next reading sees it.
    async fn end(self) -> Result<(), BrokerError> {
        answered(ANSWER, self.channel.close(200, "read".into())).await
    }
}

/// Up to `limit`, left in place.
pub(crate) async fn list(bus: &RabbitMq, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
    let _one = bus.reading.lock().await;
    let reading = Reading::begin(bus).await?;
    let mut letters = Vec::new();
    while letters.len() < limit {
        let Some(delivery) = reading.next().await? else { break };
        if wire::deliveries(&delivery.properties) >= FRESHEN_FROM {
            let headers = own_headers(&delivery.properties);
            reading.replace(&delivery, DEAD_LETTER_QUEUE, headers).await?;
        }
        letters.push(letter(&delivery));
    }
    reading.end().await?;
    letters.sort_by_key(|letter| letter.time);
    Ok(letters)
}

/// Back into the queue that it came from, as if it were delivered for the first time.
pub(crate) async fn requeue(bus: &RabbitMq, id: &str) -> Result<bool, BrokerError> {
    let _one = bus.reading.lock().await;
    let reading = Reading::begin(bus).await?;
    let found = reading.find(id).await?;
    if let Some(delivery) = &found {
        let queue = letter(delivery).queue;
        let known = topology::queue(&queue);
        let known = known.ok_or_else(|| BrokerError(format!("`{queue}`, where it came from, is not known here")))?;
        if known.grouped {
            bus.ballots.ensure(bus, known, 0).await.map_err(|e| BrokerError(e.to_string()))?;
        }
        reading.replace(delivery, &known.address(), wire::headers(&message(delivery), Counters::default())).await?;
    }
    reading.end().await?;
    Ok(found.is_some())
}

/// Dropped for good.
pub(crate) async fn discard(bus: &RabbitMq, id: &str) -> Result<bool, BrokerError> {
    let _one = bus.reading.lock().await;
    let reading = Reading::begin(bus).await?;
    let found = reading.find(id).await?;
    if let Some(delivery) = &found {
        reading.take(delivery).await?;
    }
    reading.end().await?;
    Ok(found.is_some())
}

/// The message without what was noted when it was given up.
fn message(delivery: &Delivery) -> Message {
    let mut message = wire::received(&delivery.properties, delivery.data.clone()).message;
    for note in [wire::REASON, wire::QUEUE, wire::TIME] {
        message.headers.remove(note);
    }
    message
}

/// All headers but the broker's.
fn own_headers(properties: &BasicProperties) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in properties.headers().iter().flat_map(|headers| headers.inner()) {
        if !name.as_str().starts_with("x-") {
            table.insert(name.clone(), AMQPValue::clone(value));
        }
    }
    table
}

fn letter(delivery: &Delivery) -> DeadLetter {
    let message = wire::received(&delivery.properties, delivery.data.clone()).message;
    let note = |name: &str| message.headers.get(name).cloned().unwrap_or_default();
    DeadLetter {
        queue: note(wire::QUEUE),
        reason: note(wire::REASON),
        time: note(wire::TIME).parse().unwrap_or(Timestamp::UNIX_EPOCH),
        body: DeadLetter::readable(&message),
        id: message.id,
        kind: message.kind,
    }
}
