//! The topology on a broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use crate::Depth;
use crate::topology::{DEAD_LETTER_QUEUE, Names, QUEUES, Queue, Step, delay_queue, suspects_queue};

/// Declares everything; what exists alike is left as it is, what differs is PRECONDITION_FAILED.
pub(crate) async fn all(connection: &Connection, names: &Names) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    for exchange in [names.exchange(), names.ballots_exchange()] {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, FieldTable::default()).await?;
    }
    quorum_queue(&channel, names.on_broker(DEAD_LETTER_QUEUE), []).await?;
    futures::future::try_join_all(QUEUES.iter().map(|queue| one(&channel, names, queue))).await?;
    channel.close(200, "declared".into()).await
}

async fn one(channel: &Channel, names: &Names, queue: &Queue) -> lapin::Result<()> {
    let name = names.on_broker(queue.name);
    quorum_queue(channel, name.clone(), []).await?;
    for fact in queue.facts {
        bind(channel, &name, names.exchange(), fact).await?;
    }
    beside(channel, names, queue).await
}

async fn bind(channel: &Channel, queue: &str, exchange: String, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
}

/// The queues of a queue's, or group's, suspects and delays.
async fn beside(channel: &Channel, names: &Names, queue: &Queue) -> lapin::Result<()> {
    quorum_queue(channel, names.on_broker(&suspects_queue(queue.name)), []).await?;
    let address = names.on_broker(&queue.address());
    for step in Step::ALL {
        let delay = names.on_broker(&delay_queue(step, queue.name));
        quorum_queue(channel, delay, delay_arguments(step, &address)).await?;
    }
    Ok(())
}

/// A group's queues up to that index, what stands beside them first: who finds queue 0 finds everything.
pub(crate) async fn members(connection: &Connection, names: &Names, group: &Queue, index: usize) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    beside(&channel, names, group).await?;
    for index in 0..=index {
        let name = names.on_broker(&group.member(index));
        quorum_queue(&channel, name.clone(), []).await?;
        bind(&channel, &name, names.ballots_exchange(), &format!("#.{}.{index}", group.word())).await?;
    }
    channel.close(200, "declared".into()).await
}

/// Messages wait their time out, then go to the queue. At-least-once, which needs `reject-publish`: by the default
/// strategy a dead-lettered message may be lost.
fn delay_arguments(step: Step, queue: &str) -> [(&'static str, AMQPValue); 5] {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let milliseconds = i64::try_from(step.delay().as_millis()).expect("a step is seconds");
    [
        ("x-message-ttl", AMQPValue::LongLongInt(milliseconds)),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(queue)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

async fn quorum_queue(
    channel: &Channel,
    name: String,
    arguments: impl IntoIterator<Item = (&'static str, AMQPValue)>,
) -> lapin::Result<()> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (argument, value) in arguments {
        table.insert(argument.into(), value);
    }
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), table).await.map(drop)
}

/// As [`depth`]; `None` where there is no such queue.
pub(crate) async fn found(connection: &Connection, queue: &str) -> lapin::Result<Option<Depth>> {
    match depth(connection, queue).await {
        Ok(depth) => Ok(Some(depth)),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(protocol) if *protocol.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// How full a queue is, by its full name. On a channel of its own, because a queue that is absent closes it.
pub(crate) async fn depth(connection: &Connection, queue: &str) -> lapin::Result<Depth> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
    channel.close(200, "answered".into()).await?;
    let (ready, consumers) = (found.message_count().into(), found.consumer_count().into());
    Ok(Depth { ready, unacknowledged: 0, consumers })
}
