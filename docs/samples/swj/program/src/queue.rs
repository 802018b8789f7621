//! The two queues of one computation: chunks to work on, and chunks that are done.

use anyhow::{Context, Result, ensure};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

/// Chunks a worker holds at a time: the next one is there when one is done, and a killed worker gives back few.
const PREFETCH: u16 = 2;
/// Delivered again after this mode's messages survive the broker's restart (AMQP 0-9-1, delivery-mode).
const PERSISTENT: u8 = 2;

/// A channel in confirm mode, with both queues declared.
pub struct Queues {
    _connection: Connection,
    channel: Channel,
    run: String,
}

impl Queues {
    /// Connects, and declares both queues as quorum queues.
    pub async fn connect(url: &str, run: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.context("no broker")?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let queues = Self { _connection: connection, channel, run: run.to_owned() };
        for queue in ["work", "done"] {
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            let name = queues.name(queue).into();
            queues.channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
        }
        Ok(queues)
    }

    /// Puts a chunk's number into a queue and awaits the confirm.
    pub async fn publish(&self, queue: &str, chunk: u32) -> Result<()> {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (name, body) = (self.name(queue).into(), chunk.to_string());
        let sent = self.channel.basic_publish("".into(), name, options, body.as_bytes(), properties).await?;
        ensure!(matches!(sent.await?, Confirmation::Ack(None)), "the broker did not take chunk {chunk}");
        Ok(())
    }

    /// Consumes a queue.
    pub async fn consume(&self, queue: &str) -> Result<Consumer> {
        let options = BasicConsumeOptions::default();
        Ok(self.channel.basic_consume(self.name(queue).into(), "".into(), options, FieldTable::default()).await?)
    }

    fn name(&self, queue: &str) -> String {
        format!("swj.{}.{queue}", self.run)
    }
}
