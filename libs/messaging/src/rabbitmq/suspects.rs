//! Messages that may crash their consumer: taken one by one from a queue of their own, and handled alone.
//!
//! Each is got only when its turn has come, so that this queue counts exactly the deliveries that ended in the hands
//! of a handler; the consumer's queue counts everything that was prefetched.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::{Channel, Connection};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::wire::{self, Received};
use super::{ANSWER, RabbitMq, answered, consumer, declare};
use crate::topology::{AFTER_DEATH, Queue, suspects_queue};
use crate::work::{Alone, Counters, Verdict, Work};
use crate::{BrokerError, Hold, Message};

/// How often is looked for suspects: there are mostly none, and a look is three frames.
const LOOK: Duration = Duration::from_millis(500);

/// The suspects of one consumer.
pub(crate) struct Suspects<'a> {
    bus: &'a RabbitMq,
    queue: &'static Queue,
    work: &'a Work,
    name: String,
    /// Begun by this process and not acknowledged: where such a one comes again, only its connection was lost.
    begun: Mutex<HashSet<String>>,
}

impl<'a> Suspects<'a> {
    pub(crate) fn new(bus: &'a RabbitMq, queue: &'static Queue, work: &'a Arc<Work>) -> Self {
        let name = bus.names.on_broker(&suspects_queue(queue.name));
        Self { bus, queue, work, name, begun: Mutex::default() }
    }

    /// Handles suspects until told to stop, and the last one to its end. `over` is said where a suspect may be left
    /// with this connection: it comes again with the next one.
    pub(crate) async fn run(&self, connection: &Connection, stop: &CancellationToken, over: &CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if let Err(error) = self.look(connection, stop, over).await {
                tracing::warn!(queue = self.name, %error, "could not go on with the messages to be handled alone");
            }
        }
    }

    async fn look(
        &self,
        connection: &Connection,
        stop: &CancellationToken,
        over: &CancellationToken,
    ) -> Result<(), BrokerError> {
        if answered(ANSWER, declare::depth(connection, &self.name)).await?.ready == 0 {
            return Ok(());
        }
        let channel = answered(ANSWER, connection.create_channel()).await?;
        let attended = self.attend_all(&channel, stop).await;
        let closed = answered(ANSWER, channel.close(200, "no suspects".into())).await;
        if closed.is_err() && connection.status().connected() {
            over.cancel();
        }
        attended.and(closed)
    }

    async fn attend_all(&self, channel: &Channel, stop: &CancellationToken) -> Result<(), BrokerError> {
        while let Some(turn) = stop.run_until_cancelled(self.work.alone()).await {
            let get = channel.basic_get(self.name.as_str().into(), BasicGetOptions::default());
            let Some(got) = answered(ANSWER, get).await? else { break };
            self.attend(channel, &turn, got.delivery).await?;
        }
        Ok(())
    }

    async fn attend(&self, channel: &Channel, turn: &Alone<'_>, delivery: Delivery) -> Result<(), BrokerError> {
        let (tag, again) = (delivery.delivery_tag, wire::deliveries(&delivery.properties) > 0);
        let Received { message, counters, .. } = wire::received(&delivery.properties, delivery.data);
        let hold = self.work.delivered(&message);
        let verdict = if again {
            self.rest(&message, counters)
        } else {
            self.begun.lock().insert(message.id.clone());
            self.work.decide_alone(turn, message.clone(), counters).await
        };
        let carried_out = consumer::carry_out(&self.bus.publisher, self.queue, &message, verdict).await;
        carried_out.map_err(|e| BrokerError(e.to_string()))?;
        hold.into_iter().for_each(Hold::over);
        answered(ANSWER, channel.basic_ack(tag, BasicAckOptions::default())).await?;
        self.begun.lock().remove(&message.id);
        Ok(())
    }

    /// After a delivery that ended in a handler's hands.
    fn rest(&self, message: &Message, counters: Counters) -> Verdict {
        let died = !self.begun.lock().contains(&message.id);
        let deaths = counters.deaths + u32::from(died);
        tracing::warn!(queue = self.name, message.id, deaths, "what was handled alone came again: put it aside");
        Verdict::Later(AFTER_DEATH, Counters { deaths, ..counters })
    }
}
