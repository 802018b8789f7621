//! A subscription: deliveries to the handler, side by side up to the prefetch; then acknowledged, put aside, or dead.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, stream};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::acks::{Ack, Acks};
use super::link::Link;
use super::reads::{self, Reading};
use super::suspects::Suspects;
use super::wire::{self, Received};
use super::{RabbitMq, groups};
use crate::backoff::Backoff;
use crate::topology::{DEAD_LETTER_QUEUE, DISCOVERY, Queue, delay_queue, suspects_queue};
use crate::work::{Counters, Verdict, Work};
use crate::{Handler, Message, PublishError};

/// The longest that a settled delivery waits for its acknowledgement.
const FLUSH: Duration = Duration::from_millis(50);
/// How long handlers may finish when their connection is lost: their deliveries come again, and should not be
/// worked on twice at a time.
const FINISH: Duration = Duration::from_secs(5);
/// How long a subscription may take: a quorum queue may be electing its leader.
const SUBSCRIBE: Duration = Duration::from_secs(10);
/// How long the broker may take over one of our frames.
const FRAME: Duration = Duration::from_secs(5);

/// Why a session ended.
enum End {
    Shutdown,
    Outage,
    /// This subscription is gone, with everything that was delivered to it: its channel is closed.
    Gone(String),
    /// Perhaps the broker still delivers to a channel of it: only the end of the connection gives that back.
    Lost(String),
}

/// Consumes until `shutdown`, then drains.
pub(crate) async fn run(bus: &RabbitMq, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
    let link = Link::start(queue.name, &bus.config);
    let work = Arc::new(Work::new(queue, handler));
    let suspects = Suspects::new(bus, queue, &work);
    let mut backoff = Backoff::reconnect();
    while let Some(Ok(connection)) = shutdown.run_until_cancelled(link.up(Duration::from_secs(3600))).await {
        let over = CancellationToken::new();
        let session = Session { bus, queue, work: &work, suspects: &suspects, shutdown: &shutdown, over: &over };
        match session.run(&connection).await {
            End::Shutdown => break,
            End::Outage => {
                tracing::warn!(queue = queue.name, "what the handler needs is out: unsubscribed until it answers");
                if shutdown.run_until_cancelled(work.recovered()).await.is_some() {
                    tracing::info!(queue = queue.name, "what the handler needs answers again: subscribing");
                }
                backoff.reset();
            }
            End::Gone(why) | End::Lost(why) => {
                tracing::warn!(queue = queue.name, why, "lost the subscription, subscribing again");
                link.broken(&connection, &why).await;
                let _shutdown = shutdown.run_until_cancelled(tokio::time::sleep(backoff.next())).await;
            }
        }
    }
}

struct Session<'a> {
    bus: &'a RabbitMq,
    queue: &'static Queue,
    work: &'a Arc<Work>,
    suspects: &'a Suspects<'a>,
    shutdown: &'a CancellationToken,
    /// Ends the subscriptions of a group whose connection is of no use any more.
    over: &'a CancellationToken,
}

/// A delivery that was settled, or why it could not be.
type Settled = (u64, Result<(), PublishError>);

impl Session<'_> {
    async fn run(&self, connection: &Connection) -> End {
        let stop = CancellationToken::new();
        let subscribed = async {
            let _stop = stop.clone().drop_guard();
            if self.queue.grouped { self.group(connection).await } else { self.one(connection, self.queue.name).await }
        };
        tokio::join!(subscribed, self.suspects.run(connection, &stop, self.over)).0
    }

    /// Subscribes to all of a group's queues, and to those that come later.
    async fn group(&self, connection: &Connection) -> End {
        let (mut subscriptions, mut subscribed) = (FuturesUnordered::new(), HashSet::new());
        let looks = stream::unfold(false, async |again| {
            tokio::time::sleep(if again { DISCOVERY } else { Duration::ZERO }).await;
            Some((groups::find_or_make(connection, &self.bus.names, self.queue).await, true))
        });
        let mut looks = pin!(looks);
        let mut end = loop {
            tokio::select! {
                biased;
                Some((index, end)) = subscriptions.next() => match end {
                    // One queue alone was lost, it may have been removed: it is looked for again.
                    End::Gone(why) if connection.status().connected() && !self.over.is_cancelled() => {
                        tracing::warn!(queue = self.queue.member(index), why, "lost the subscription to a queue of a group");
                        subscribed.remove(&index);
                    }
                    end => break end,
                },
                () = self.shutdown.cancelled(), if subscriptions.is_empty() => break End::Shutdown,
                () = self.over.cancelled(), if subscriptions.is_empty() => break End::Lost("its connection is of no use".to_owned()),
                Some(looked) = looks.next() => match looked {
                    Ok(found) => for (index, _) in found {
                        if subscribed.insert(index) {
                            let name = self.queue.member(index);
                            subscriptions.push(async move { (index, self.one(connection, &name).await) });
                        }
                    },
                    Err(error) => break End::Lost(error.to_string()),
                },
            }
        };
        self.over.cancel();
        while let Some((_, other)) = subscriptions.next().await {
            if matches!(other, End::Lost(_)) {
                end = other;
            }
        }
        end
    }

    async fn one(&self, connection: &Connection, name: &str) -> End {
        let channel = match super::answered(SUBSCRIBE, connection.create_channel()).await {
            Ok(channel) => channel,
            Err(error) => return End::Lost(error.to_string()),
        };
        let mut jobs = JoinSet::new();
        // Until the channel is closed: then the broker takes back what was delivered and not acknowledged.
        let reading = self.bus.reads.begin();
        let end = match super::answered(SUBSCRIBE, self.subscribe(&channel, name)).await {
            Ok(mut deliveries) => {
                let end = self.pump(&channel, &mut deliveries, &reading, &mut jobs).await;
                self.leave(&mut deliveries);
                end
            }
            Err(error) => End::Lost(error.to_string()),
        };
        let finish = async { while jobs.join_next().await.is_some() {} };
        let _late = timeout(FINISH, finish).await;
        jobs.shutdown().await;
        closed(&channel, end).await
    }

    async fn subscribe(&self, channel: &Channel, name: &str) -> lapin::Result<lapin::Consumer> {
        channel.basic_qos(self.queue.prefetch, BasicQosOptions::default()).await?;
        let (name, tag) = (self.bus.names.on_broker(name), String::new());
        channel.basic_consume(name.into(), tag.into(), BasicConsumeOptions::default(), FieldTable::default()).await
    }

    async fn pump(
        &self,
        channel: &Channel,
        deliveries: &mut lapin::Consumer,
        reading: &Reading,
        jobs: &mut JoinSet<Settled>,
    ) -> End {
        let (mut asking, mut answered) = (pin!(reads::asked(channel, self.queue.prefetch)), None);
        let (mut acks, batch) = (Acks::default(), usize::from(self.queue.prefetch / 10).max(1));
        let mut flush = tokio::time::interval(FLUSH);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return self.unsubscribe(channel, deliveries, jobs, acks, End::Shutdown).await,
                () = self.over.cancelled() => {
                    let end = End::Lost("another queue of its group was".to_owned());
                    return self.unsubscribe(channel, deliveries, jobs, acks, end).await;
                }
                () = self.work.outage.begins() => return self.unsubscribe(channel, deliveries, jobs, acks, End::Outage).await,
                Some(settled) = jobs.join_next() => if let Err(why) = settle(&mut acks, settled) {
                    return self.unsubscribe(channel, deliveries, jobs, acks, End::Lost(why)).await;
                },
                _ = flush.tick(), if acks.waiting() > 0 => if let Err(why) = acknowledge(channel, acks.take()).await {
                    return End::Lost(why);
                },
                delivery = deliveries.next() => match delivery {
                    Some(Ok(delivery)) => self.start(delivery, jobs),
                    Some(Err(error)) => return End::Lost(error.to_string()),
                    None => return End::Lost("the broker cancelled the subscription".to_owned()),
                },
                asked = &mut asking, if answered.is_none() => match asked {
                    Ok(asked) => answered = Some(asked),
                    Err(error) => return End::Lost(error.to_string()),
                },
                // Last: what was delivered before the answer has been started.
                Some(asked) = std::future::ready(answered) => {
                    reading.up_to(asked);
                    answered = None;
                    asking.set(reads::asked(channel, self.queue.prefetch));
                }
            }
            if acks.waiting() >= batch
                && let Err(why) = acknowledge(channel, acks.take()).await
            {
                return End::Lost(why);
            }
        }
    }

    fn start(&self, delivery: Delivery, jobs: &mut JoinSet<Settled>) {
        let (publisher, work, queue) = (self.bus.publisher.clone(), self.work.clone(), self.queue);
        let tag = delivery.delivery_tag;
        let Received { message, counters, complete } = wire::received(&delivery.properties, delivery.data);
        let hold = work.delivered(&message);
        jobs.spawn(async move {
            let settled = match (complete, counters.suspect()) {
                (true, true) => {
                    let (suspects, headers) = (suspects_queue(queue.name), wire::headers(&message, counters));
                    publisher.to_queue(&suspects, &message, headers).await
                }
                (true, false) => {
                    let verdict = work.decide(message.clone(), counters).await;
                    carry_out(&publisher, queue, &message, verdict).await
                }
                (false, _) => {
                    let why = "it has no message id or no type: not a message of this bus".to_owned();
                    carry_out(&publisher, queue, &message, Verdict::Dead(why)).await
                }
            };
            if let (Ok(()), Some(hold)) = (&settled, hold) {
                hold.over();
            }
            (tag, settled)
        });
    }

    /// What was delivered and is not started is with this process until the channel ends: whoever keeps books hears of it.
    fn leave(&self, deliveries: &mut lapin::Consumer) {
        while let Some(Some(Ok(delivery))) = deliveries.next().now_or_never() {
            drop(self.work.delivered(&wire::received(&delivery.properties, delivery.data).message));
        }
    }

    /// Cancels, lets the handlers end, and acknowledges; what was delivered and not started goes back with the channel.
    async fn unsubscribe(
        &self,
        channel: &Channel,
        deliveries: &mut lapin::Consumer,
        jobs: &mut JoinSet<Settled>,
        mut acks: Acks,
        end: End,
    ) -> End {
        let cancel = channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
        let _lost = timeout(FRAME, cancel).await;
        self.leave(deliveries);
        let mut flush = tokio::time::interval(FLUSH);
        while !jobs.is_empty() {
            tokio::select! {
                Some(settled) = jobs.join_next() => drop(settle(&mut acks, settled)),
                _ = flush.tick(), if acks.waiting() > 0 => drop(acknowledge(channel, acks.take()).await),
            }
        }
        let _lost = acknowledge(channel, acks.take()).await;
        end
    }
}

/// Closes a subscription's channel. A broker that was silent while it was asked to subscribe does so once it speaks
/// again, and delivers what nobody takes: where it does not answer now, the connection must end.
async fn closed(channel: &Channel, end: End) -> End {
    let status = channel.status();
    let gone = !status.connected()
        || matches!(timeout(FRAME, channel.close(200, "unsubscribed".into())).await, Ok(Ok(())))
        || !status.connected();
    match end {
        End::Lost(why) if gone => End::Gone(why),
        End::Outage if !gone => End::Lost("the broker did not end the subscription".to_owned()),
        end => end,
    }
}

fn settle(acks: &mut Acks, settled: Result<Settled, tokio::task::JoinError>) -> Result<(), String> {
    let (tag, result) = settled.map_err(|e| e.to_string())?;
    result.map_err(|e| format!("a message could be neither put aside nor given up: {e}"))?;
    acks.settle(tag);
    Ok(())
}

async fn acknowledge(channel: &Channel, acks: Vec<Ack>) -> Result<(), String> {
    let send = async {
        for Ack { tag, multiple } in acks {
            channel.basic_ack(tag, BasicAckOptions { multiple }).await?;
        }
        lapin::Result::Ok(())
    };
    let sent = timeout(FRAME, send).await.map_err(|_| format!("no acknowledgement went out within {FRAME:?}"))?;
    sent.map_err(|e| e.to_string())
}

/// The copy is confirmed before the original may be acknowledged.
pub(super) async fn carry_out(
    publisher: &super::Publisher,
    queue: &Queue,
    message: &Message,
    verdict: Verdict,
) -> Result<(), PublishError> {
    match verdict {
        Verdict::Done => Ok(()),
        Verdict::Later(step, counters) => {
            publisher.to_queue(&delay_queue(step, queue.name), message, wire::headers(message, counters)).await
        }
        Verdict::Dead(reason) => {
            let mut headers = wire::headers(message, Counters::default());
            wire::bury(&mut headers, queue.name, &reason);
            publisher.to_queue(DEAD_LETTER_QUEUE, message, headers).await
        }
    }
}
