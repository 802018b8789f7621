//! One channel's life: publishes on their way, confirms, returns, nacks.
//!
//! lapin gives a returned message to the confirm that completes next, whichever that is. So a return is matched by
//! what it says here, and confirms that became ready together are looked through for returns before any is answered:
//! a return is always taken by a confirm that was resolved no later than the returned message's own.
//!
//! A channel that first publishes to a quorum queue while that queue elects its leader may take the dead node for the
//! leader for ever, and nack everything (seen with RabbitMQ 3.10.8). So a channel that only nacks is renewed.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ErrorKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::{ANSWER, answered};
use super::{Request, Target};
use crate::PublishError;

/// Silence of the broker, with confirms due, after which its connection is given up: another node may answer.
const SILENCE: Duration = Duration::from_secs(4);
/// How long a target may have nacked everything before its channel is renewed.
const NACKING: Duration = Duration::from_secs(1);

/// Why a channel's life ended.
pub(super) enum End {
    /// It only nacked: a new one on the same connection may fare better.
    Renew,
    /// Its connection is of no use.
    Lost(String),
}

/// A publish as its return names it: exchange, routing key, message id.
type Name = (String, String, String);

/// What became of a request, and which message came back with its confirm.
struct Settled {
    request: Request,
    result: Result<(), PublishError>,
    returned: Option<Name>,
}

async fn open(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Publishes until the channel is of no use. Whoever still waits for a confirm then learns that it is unknown.
pub(super) async fn run(connection: &Connection, requests: &mut mpsc::Receiver<Request>, opened: impl FnOnce()) -> End {
    let channel = match answered(ANSWER, open(connection)).await {
        Ok(channel) => channel,
        Err(error) => return End::Lost(error.to_string()),
    };
    opened();
    let end = publish(&channel, connection, requests).await;
    if matches!(end, End::Renew) {
        let _lost = answered(ANSWER, channel.close(200, "renewed".into())).await;
    }
    end
}

async fn publish(channel: &Channel, connection: &Connection, requests: &mut mpsc::Receiver<Request>) -> End {
    let mut on_the_way = FuturesUnordered::new();
    let (mut returns, mut nacks) = (Returns::default(), Nacks::default());
    let mut heard = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(250));
    loop {
        // Before a renewal what is on its way comes to its end.
        let renewing = nacks.last();
        tokio::select! {
            Some(request) = requests.recv(), if !renewing => {
                if on_the_way.is_empty() {
                    heard = Instant::now();
                }
                on_the_way.push(send(channel, request));
            }
            Some(first) = on_the_way.next() => {
                let mut settled = vec![first];
                while let Some(Some(next)) = on_the_way.next().now_or_never() {
                    settled.push(next);
                }
                heard = Instant::now();
                nacks.note(&settled);
                returns.answer(settled);
            }
            _ = look.tick() => if connection.status().blocked() || on_the_way.is_empty() {
                heard = Instant::now();
            }
        }
        if !channel.status().connected() {
            return End::Lost("the connection was lost".to_owned());
        }
        if heard.elapsed() > SILENCE {
            return End::Lost(format!("no confirm within {SILENCE:?}"));
        }
        if renewing && on_the_way.is_empty() {
            return End::Renew;
        }
    }
}

async fn send(channel: &Channel, request: Request) -> Settled {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let (exchange, key) = (request.target.exchange.as_str().into(), request.target.key.as_str().into());
    let properties = request.properties.clone();
    let sent = channel.basic_publish(exchange, key, options, &request.body, properties).await;
    let confirm = match sent {
        Ok(confirm) => confirm.await,
        Err(error) => return Settled { request, result: Err(unsent(&error)), returned: None },
    };
    let (result, returned) = match confirm {
        Ok(Confirmation::Ack(returned)) => (Ok(()), returned),
        Ok(Confirmation::Nack(returned)) => (Err(PublishError::Refused("a queue is full or out".into())), returned),
        Ok(Confirmation::NotRequested) | Err(_) => (Err(PublishError::Unknown), None),
    };
    let returned = returned.map(|message| {
        (message.exchange.to_string(), message.routing_key.to_string(), message_id(&message.properties))
    });
    Settled { request, result, returned }
}

fn unsent(error: &lapin::Error) -> PublishError {
    match error.kind() {
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannel(_) => {
            PublishError::Unreachable(error.to_string())
        }
        _ => PublishError::Unknown,
    }
}

fn message_id(properties: &BasicProperties) -> String {
    properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Messages that came back and whose own confirm is still due, how often each.
#[derive(Default)]
struct Returns(HashMap<Name, usize>);

impl Returns {
    /// Answers requests that became ready together.
    fn answer(&mut self, settled: Vec<Settled>) {
        for name in settled.iter().filter_map(|s| s.returned.clone()) {
            *self.0.entry(name).or_default() += 1;
        }
        for Settled { request, result, .. } in settled {
            let refused = self.take(&request).then(|| format!("no queue is bound to `{}`", request.target.key));
            // The caller may have stopped waiting.
            let _gone = request.caller.send(refused.map_or(result, |why| Err(PublishError::Refused(why))));
        }
    }

    fn take(&mut self, request: &Request) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let Target { exchange, key } = &request.target;
        let name = (exchange.clone(), key.clone(), message_id(&request.properties));
        let Some(times) = self.0.get_mut(&name) else { return false };
        *times -= 1;
        if *times == 0 {
            self.0.remove(&name);
        }
        true
    }
}

/// Since when a target has nacked everything.
#[derive(Default)]
struct Nacks(HashMap<(String, String), Instant>);

impl Nacks {
    fn note(&mut self, settled: &[Settled]) {
        for Settled { request, result, .. } in settled {
            let Target { exchange, key } = &request.target;
            match result {
                Err(PublishError::Refused(_)) => {
                    self.0.entry((exchange.clone(), key.clone())).or_insert_with(Instant::now);
                }
                Ok(()) if !self.0.is_empty() => drop(self.0.remove(&(exchange.clone(), key.clone()))),
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Whether one has nacked for so long that the channel is to be renewed.
    fn last(&self) -> bool {
        self.0.values().any(|since| since.elapsed() > NACKING)
    }
}
