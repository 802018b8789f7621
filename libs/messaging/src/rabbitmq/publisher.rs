//! The one place that publishes to the broker and awaits its confirms.
//!
//! A task owns the channel: callers hand it their messages and wait. It keeps many on their way, because one by one
//! would cost a round trip of the quorum each, and bounds them, because lapin's queue has no bound.
//!
//! lapin gives a returned message to the confirm that completes next, whichever that is. So a return is matched by
//! what it says here, and confirms that became ready together are looked through for returns before any is answered:
//! a return is always taken by a confirm that was resolved no later than the returned message's own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::Link;
use super::{ANSWER, Config, wire};
use crate::backoff::Backoff;
use crate::topology::{CONFIRM_TIMEOUT, Names, UNCONFIRMED};
use crate::work::record_publish;
use crate::{Message, PublishError};

/// How long a publish waits for a connection, or for room among the unconfirmed, before it is refused unsent.
const PATIENCE: Duration = Duration::from_secs(1);
/// Silence of the broker, with confirms due, after which its connection is given up: another node may answer.
const SILENCE: Duration = Duration::from_secs(4);

/// Where a message is published to.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) exchange: String,
    pub(crate) key: String,
}

struct Request {
    target: Target,
    properties: BasicProperties,
    body: Bytes,
    caller: oneshot::Sender<Result<(), PublishError>>,
    _permit: OwnedSemaphorePermit,
}

/// A publish as its return names it: exchange, routing key, message id.
type Name = (String, String, String);

/// What became of a request, and which message came back with its confirm.
struct Settled {
    request: Request,
    result: Result<(), PublishError>,
    returned: Option<Name>,
}

/// Publishes. Its task ends with it.
pub(crate) struct Publisher {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    window: Arc<Semaphore>,
    names: Names,
    _stop: DropGuard,
}

#[derive(Clone)]
enum State {
    Up(Arc<Connection>),
    Down(String),
}

impl Publisher {
    pub(crate) fn start(config: &Arc<Config>, names: Names) -> Self {
        let (requests, queue) = mpsc::channel(UNCONFIRMED);
        let (sender, state) = watch::channel(State::Down("not connected yet".to_owned()));
        let stop = CancellationToken::new();
        let link = Link::start("publish", config);
        let stopped = stop.clone();
        // Tracked by `_stop`: it ends when the publisher is dropped.
        tokio::spawn(async move { stopped.run_until_cancelled_owned(supervise(link, queue, sender)).await });
        Self { requests, state, window: Arc::new(Semaphore::new(UNCONFIRMED)), names, _stop: stop.drop_guard() }
    }

    /// Publishes and awaits the confirm.
    pub(crate) async fn publish(
        &self,
        target: Target,
        message: &Message,
        headers: FieldTable,
    ) -> Result<(), PublishError> {
        let began = Instant::now();
        let result = self.confirmed(target, message, headers).await;
        record_publish(began, &result);
        result
    }

    /// Publishes to one of our queues by name.
    pub(crate) async fn to_queue(
        &self,
        queue: &str,
        message: &Message,
        headers: FieldTable,
    ) -> Result<(), PublishError> {
        let target = Target { exchange: String::new(), key: self.names.on_broker(queue) };
        self.publish(target, message, headers).await
    }

    async fn confirmed(&self, target: Target, message: &Message, headers: FieldTable) -> Result<(), PublishError> {
        crate::message::check_size(message)?;
        let properties = wire::properties(message, headers).map_err(PublishError::Refused)?;
        let unsent = Instant::now() + PATIENCE;
        self.connected(unsent).await?;
        let permit = timeout_at(unsent, self.window.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| unreachable_now("too many messages wait for its confirms"))?;
        let permit = permit.expect("the window is never closed");
        let (caller, answer) = oneshot::channel();
        let request = Request { target, properties, body: message.body.clone(), caller, _permit: permit };
        // There is room: a permit is held.
        self.requests.send(request).await.map_err(|_| unreachable_now("the bus is closed"))?;
        match timeout_at(Instant::now() + CONFIRM_TIMEOUT, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(PublishError::Unknown),
        }
    }

    async fn connected(&self, until: Instant) -> Result<(), PublishError> {
        let mut state = self.state.clone();
        let up = timeout_at(until, state.wait_for(|s| matches!(s, State::Up(_)))).await;
        match up.map(|s| s.map(|s| s.clone())) {
            Ok(Ok(State::Up(connection))) if connection.status().blocked() => {
                Err(PublishError::Refused(BLOCKED.into()))
            }
            Ok(Ok(State::Up(_))) => Ok(()),
            _ => Err(PublishError::Unreachable(self.ready().err().unwrap_or_default())),
        }
    }

    /// Waits until it can publish.
    pub(crate) async fn up(&self) {
        // An error: the task has ended, and nothing will come.
        let mut state = self.state.clone();
        let _ended = state.wait_for(|s| matches!(s, State::Up(_))).await;
    }

    /// Whether it can publish now; else why not.
    pub(crate) fn ready(&self) -> Result<(), String> {
        match &*self.state.borrow() {
            State::Up(connection) if connection.status().blocked() => Err(BLOCKED.to_owned()),
            State::Up(_) => Ok(()),
            State::Down(why) => Err(why.clone()),
        }
    }
}

const BLOCKED: &str = "it has blocked its publishers, an alarm of memory or disk is on";

fn unreachable_now(why: &str) -> PublishError {
    PublishError::Unreachable(why.to_owned())
}

async fn supervise(link: Link, mut requests: mpsc::Receiver<Request>, state: watch::Sender<State>) {
    let mut backoff = Backoff::reconnect();
    loop {
        let Ok(connection) = link.up(Duration::from_secs(3600)).await else { continue };
        let why = match super::answered(ANSWER, open(&connection)).await {
            Ok(channel) => {
                backoff.reset();
                state.send_replace(State::Up(connection.clone()));
                let why = session(&channel, &connection, &mut requests).await;
                state.send_replace(State::Down(why.clone()));
                while let Ok(request) = requests.try_recv() {
                    let _gone = request.caller.send(Err(PublishError::Unreachable(why.clone())));
                }
                why
            }
            Err(error) => error.to_string(),
        };
        link.broken(&connection, &why).await;
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn open(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Publishes until the channel is of no use; then why. Whoever still waits for a confirm learns that it is unknown.
async fn session(channel: &Channel, connection: &Connection, requests: &mut mpsc::Receiver<Request>) -> String {
    let mut on_the_way = FuturesUnordered::new();
    let mut returns = Returns::default();
    let mut heard = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            Some(request) = requests.recv() => {
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
                returns.answer(settled);
                if !channel.status().connected() {
                    return "the connection was lost".to_owned();
                }
            }
            _ = look.tick() => {
                if !channel.status().connected() {
                    return "the connection was lost".to_owned();
                }
                if connection.status().blocked() || on_the_way.is_empty() {
                    heard = Instant::now();
                } else if heard.elapsed() > SILENCE {
                    return format!("no confirm within {SILENCE:?}");
                }
            }
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
