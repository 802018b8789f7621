//! The one place that publishes to the broker and awaits its confirms.
//!
//! A task owns the channel: callers hand it their messages and wait. It keeps many on their way, because one by one
//! would cost a round trip of the quorum each, and bounds them, because lapin's queue has no bound.

mod session;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::session::End;
use super::link::Link;
use super::{Config, wire};
use crate::backoff::Backoff;
use crate::topology::{Names, UNCONFIRMED};
use crate::work::record_publish;
use crate::{Message, PublishError};

/// How long a publish waits for a connection, or for room among the unconfirmed, before it is refused unsent.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// Publishes. Its task ends with it.
pub(crate) struct Publisher {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    window: Arc<Semaphore>,
    names: Names,
    /// How long a publish waits for its confirm.
    patience: Duration,
    _stop: DropGuard,
}

#[derive(Clone)]
enum State {
    Up(Arc<Connection>),
    Down(String),
}

impl Publisher {
    /// Begins to connect, under the name of this role. A publish waits that long for its confirm.
    pub(crate) fn start(role: &'static str, config: &Arc<Config>, names: Names, patience: Duration) -> Self {
        let (requests, queue) = mpsc::channel(UNCONFIRMED);
        let (sender, state) = watch::channel(State::Down("not connected yet".to_owned()));
        let stop = CancellationToken::new();
        let link = Link::start(role, config);
        let stopped = stop.clone();
        // Tracked by `_stop`: it ends when the publisher is dropped.
        tokio::spawn(async move { stopped.run_until_cancelled_owned(supervise(link, queue, sender)).await });
        let window = Arc::new(Semaphore::new(UNCONFIRMED));
        Self { requests, state, window, names, patience, _stop: stop.drop_guard() }
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
        match timeout_at(Instant::now() + self.patience, answer).await {
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

/// Keeps a channel open. What waited for a channel that is lost was not sent.
async fn supervise(link: Link, mut requests: mpsc::Receiver<Request>, state: watch::Sender<State>) {
    let mut backoff = Backoff::reconnect();
    loop {
        let Ok(connection) = link.up(Duration::from_secs(3600)).await else { continue };
        let why = loop {
            match session::run(&connection, &mut requests, || drop(state.send_replace(State::Up(connection.clone()))))
                .await
            {
                End::Renew => backoff.reset(),
                End::Lost(why) => break why,
            }
        };
        state.send_replace(State::Down(why.clone()));
        while let Ok(request) = requests.try_recv() {
            let _gone = request.caller.send(Err(PublishError::Unreachable(why.clone())));
        }
        link.broken(&connection, &why).await;
        tokio::time::sleep(backoff.next()).await;
    }
}
