//! One supervised connection: made again for ever, with backoff, on the next node; said once when it is lost and
//! once when it is back.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::LongString;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind, Event};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Config, ConnectError, declare};
use crate::backoff::Backoff;
use crate::topology::Names;

/// TCP, TLS and the AMQP handshake: a paused broker still takes TCP connections.
const HANDSHAKE: Duration = Duration::from_secs(4);
/// Declaring some twenty quorum queues on a broker that has just started.
const DECLARE: Duration = Duration::from_secs(30);
/// How long a connection's orderly end may take.
const CLOSE: Duration = Duration::from_secs(1);
/// Seconds between heartbeats: a peer that is gone without a word, or paused, is noticed after two of them.
const HEARTBEAT: u16 = 5;

/// A connection, or why there is none.
#[derive(Clone)]
enum State {
    Starting,
    Up(Arc<Connection>),
    Down(Arc<str>),
    Refused(Arc<ConnectError>),
}

/// A connection that is of no use any more, and why.
type Report = (Arc<Connection>, String);

/// A connection that comes back. Its supervisor ends with it.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    broken: mpsc::Sender<Report>,
    _stop: DropGuard,
}

impl Link {
    /// Begins to connect.
    pub(crate) fn start(role: &'static str, config: &Arc<Config>) -> Self {
        let (state, watched) = watch::channel(State::Starting);
        let (broken, reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor { role, config: config.clone(), state, reports, node: 0, told: false };
        let stopped = stop.clone();
        // Tracked by `_stop`: it ends when the link is dropped.
        tokio::spawn(async move {
            stopped.run_until_cancelled(supervisor.run()).await;
            supervisor.leave().await;
        });
        Self { state: watched, broken, _stop: stop.drop_guard() }
    }

    /// The connection, waited for; else why there is none.
    pub(crate) async fn up(&self, patience: Duration) -> Result<Arc<Connection>, String> {
        let mut state = self.state.clone();
        let is_up = state.wait_for(|s| matches!(s, State::Up(connection) if connection.status().connected()));
        let waited = timeout(patience, is_up).await.map(|s| s.map(|s| s.clone()));
        match waited {
            Ok(Ok(State::Up(connection))) => Ok(connection),
            _ => Err(self.why_down()),
        }
    }

    fn why_down(&self) -> String {
        match &*self.state.borrow() {
            State::Down(why) => why.to_string(),
            State::Refused(error) => error.to_string(),
            State::Starting => "not connected yet".to_owned(),
            State::Up(_) => "the connection was just lost".to_owned(),
        }
    }

    /// What the first try to connect said, if it was refused for good.
    pub(crate) async fn first_failure(&self) -> Option<ConnectError> {
        let mut state = self.state.clone();
        let first = state.wait_for(|s| !matches!(s, State::Starting)).await.ok()?.clone();
        match first {
            State::Refused(error) => Some(error.as_ref().clone()),
            _ => None,
        }
    }

    /// Reports that this connection is of no use any more, which only its user can see.
    pub(crate) async fn broken(&self, connection: &Arc<Connection>, why: &str) {
        let still_up = matches!(&*self.state.borrow(), State::Up(current) if Arc::ptr_eq(current, connection));
        if still_up {
            // An error: the supervisor has ended.
            let _ended = self.broken.send((connection.clone(), why.to_owned())).await;
        }
    }
}

struct Supervisor {
    role: &'static str,
    config: Arc<Config>,
    state: watch::Sender<State>,
    reports: mpsc::Receiver<Report>,
    node: usize,
    told: bool,
}

impl Supervisor {
    async fn run(&mut self) {
        let mut backoff = Backoff::reconnect();
        loop {
            match self.connect().await {
                Ok(connection) => {
                    backoff.reset();
                    let why = self.watch(&connection).await;
                    self.down(State::Down(why.into()));
                    close(&connection).await;
                }
                Err(state) => self.down(state),
            }
            self.node += 1;
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Closes what is open. Dropping it is not enough: where a subscription was just being made, lapin 4.12 may keep the
    /// connection and the channel, to which the broker delivers what nobody takes.
    async fn leave(&self) {
        let state = self.state.borrow().clone();
        if let State::Up(connection) = state {
            close(&connection).await;
        }
    }

    async fn connect(&self) -> Result<Arc<Connection>, State> {
        let url = &self.config.urls[self.node % self.config.urls.len()];
        let lost = |why: String| State::Down(why.into());
        let properties = ConnectionProperties::default().with_connection_name(self.connection_name());
        let mut uri: AMQPUri = url.parse().map_err(lost)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let connecting = timeout(HANDSHAKE, Connection::connect_uri(uri, properties)).await;
        let connection = connecting.map_err(|_| lost(format!("no handshake within {HANDSHAKE:?}")))?.map_err(state)?;
        let names = Names::new(&self.config.prefix);
        let declaring = timeout(DECLARE, declare::all(&connection, &names)).await;
        declaring.map_err(|_| lost(format!("the topology was not declared within {DECLARE:?}")))?.map_err(state)?;
        Ok(Arc::new(connection))
    }

    fn connection_name(&self) -> LongString {
        format!("{} {}", self.config.name, self.role).into()
    }

    /// Shows the connection to its users until it ends; then why.
    async fn watch(&mut self, connection: &Arc<Connection>) -> String {
        let mut events = Box::pin(connection.events_listener());
        if std::mem::take(&mut self.told) {
            tracing::info!(connection.role = self.role, "connected to the broker again");
        }
        self.state.send_replace(State::Up(connection.clone()));
        // Events that came before the listener are seen in the status.
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                Some(event) = events.next() => {
                    if let Event::Error(error) = event && !connection.status().connected() {
                        return error.to_string();
                    }
                }
                Some((reported, why)) = self.reports.recv() => if Arc::ptr_eq(&reported, connection) {
                    return why;
                },
                _ = look.tick() => if !connection.status().connected() {
                    return "the connection was lost".to_owned();
                }
            }
        }
    }

    fn down(&mut self, state: State) {
        let why = match &state {
            State::Down(why) => why.to_string(),
            State::Refused(error) => error.to_string(),
            State::Starting | State::Up(_) => String::new(),
        };
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(connection.role = self.role, why, "no connection to the broker, trying again for ever");
        }
        self.state.send_replace(state);
    }
}

async fn close(connection: &Connection) {
    let _slow = timeout(CLOSE, connection.close(200, "closed by marea".into())).await;
}

/// Whether trying again may help.
fn state(error: lapin::Error) -> State {
    let ErrorKind::ProtocolError(protocol) = error.kind() else {
        return State::Down(error.to_string().into());
    };
    let words = protocol.get_message().to_string();
    match protocol.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => State::Refused(ConnectError::Mismatch(words).into()),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
            State::Refused(ConnectError::Access(words).into())
        }
        _ => State::Down(words.into()),
    }
}

/// A URL that cannot be parsed never will be.
pub(crate) fn check_urls(config: &Config) -> Result<(), ConnectError> {
    if config.urls.is_empty() {
        return Err(ConnectError::Url("none is given".to_owned()));
    }
    let parse = |url: &String| url.parse::<AMQPUri>().map(drop).map_err(ConnectError::Url);
    config.urls.iter().try_for_each(parse)
}
