//! The topology on a broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};

use crate::Depth;
use crate::topology::{DEAD_LETTER_QUEUE, Names, QUEUES, Queue, Step, delay_queue, suspects_queue};

/// Declares everything; what exists alike is left as it is, what differs is PRECONDITION_FAILED.
pub(crate) async fn all(connection: &Connection, names: &Names) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    channel.exchange_declare(names.exchange().into(), ExchangeKind::Topic, options, FieldTable::default()).await?;
    quorum_queue(&channel, names.on_broker(DEAD_LETTER_QUEUE), []).await?;
    futures::future::try_join_all(QUEUES.iter().map(|queue| one(&channel, names, queue))).await?;
    channel.close(200, "declared".into()).await
}

async fn one(channel: &Channel, names: &Names, queue: &Queue) -> lapin::Result<()> {
    let name = names.on_broker(queue.name);
    quorum_queue(channel, name.clone(), []).await?;
    for fact in queue.facts {
        let (exchange, options) = (names.exchange().into(), QueueBindOptions::default());
        channel.queue_bind(name.clone().into(), exchange, (*fact).into(), options, FieldTable::default()).await?;
    }
    quorum_queue(channel, names.on_broker(&suspects_queue(queue.name)), []).await?;
    for step in Step::ALL {
        let delay = names.on_broker(&delay_queue(step, queue.name));
        quorum_queue(channel, delay, delay_arguments(step, &name)).await?;
    }
    Ok(())
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

/// How full a queue is, by its full name. On a channel of its own, because a queue that is absent closes it.
pub(crate) async fn depth(connection: &Connection, queue: &str) -> lapin::Result<Depth> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
    channel.close(200, "answered".into()).await?;
    let (ready, consumers) = (found.message_count().into(), found.consumer_count().into());
    Ok(Depth { ready, unacknowledged: 0, consumers })
}
