//! The bus over RabbitMQ quorum queues, 3.10 to 4.x.
//!
//! Publishing, publishing ballots, each consumer and administration have connections of their own: on `connection.blocked` a broker
//! stops reading from a connection, and lapin stops writing to it, acknowledgements included. Every connection is
//! supervised here, for ever; lapin's own recovery, which gives up, is off.

mod acks;
mod consumer;
mod dead;
mod declare;
mod groups;
mod link;
mod publisher;
mod reads;
mod suspects;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::Connection;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use self::groups::Groups;
use self::link::Link;
use self::publisher::{Publisher, Target};
use self::reads::Reads;
use crate::topology::{self, CONFIRM_TIMEOUT, Names, Queue};
use crate::work::Counters;
use crate::{BrokerError, Bus, DeadLetter, Depth, Handler, Message, PublishError, Route};

/// How long a start waits for the broker before it goes on without, not ready.
const FIRST_CONNECT: Duration = Duration::from_secs(6);
/// How long the broker may take to answer a question.
const ANSWER: Duration = Duration::from_secs(5);
/// The same for readiness, which is asked every few seconds.
const READY: Duration = Duration::from_secs(1);

/// Where the broker is.
#[derive(Clone)]
pub struct Config {
    /// `amqp://user:password@host:port/vhost`, one a node: the next one is tried when one fails.
    pub urls: Vec<String>,
    /// Put before every name of exchange and queue; mostly empty.
    pub prefix: String,
    /// What the connections are called in the broker's lists, for example the service's name.
    pub name: String,
}

impl Config {
    /// One node's URL, no prefix.
    pub fn new(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], prefix: String::new(), name: "marea".to_owned() }
    }
}

/// URLs carry passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("urls", &self.urls.len()).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Why a bus cannot be made at all: waiting would not help.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// Not an AMQP URL.
    #[error("not a usable AMQP URL, expected `amqp://user:password@host:port/vhost`: {0}")]
    Url(String),
    /// The broker refuses user, password or virtual host.
    #[error("the broker refuses this user or virtual host: {0}")]
    Access(String),
    /// The broker holds something else under our names.
    #[error(
        "the broker holds an exchange or queue that differs from this version's topology; delete or rename it: {0}"
    )]
    Mismatch(String),
}

/// The bus over RabbitMQ.
pub struct RabbitMq {
    config: Arc<Config>,
    names: Names,
    publisher: Arc<Publisher>,
    ballots: Groups,
    reads: Reads,
    admin: Link,
    /// Reading dead letters holds them for a moment: two readers would miss each other's.
    reading: tokio::sync::Mutex<()>,
}

impl RabbitMq {
    /// Connects and declares the topology. A broker that cannot be reached is no error: the bus is not
    /// [ready](Bus::ready), and goes on connecting.
    pub async fn connect(config: Config) -> Result<Self, ConnectError> {
        link::check_urls(&config)?;
        let config = Arc::new(config);
        let names = Names::new(&config.prefix);
        let admin = Link::start("admin", &config);
        let first = Instant::now() + FIRST_CONNECT;
        if let Ok(Some(error)) = timeout_at(first, admin.first_failure()).await {
            return Err(error);
        }
        let publisher = Arc::new(Publisher::start("publish", &config, names.clone(), CONFIRM_TIMEOUT));
        if admin.up(Duration::ZERO).await.is_ok() {
            let _unreachable = timeout_at(first, publisher.up()).await;
        }
        let (ballots, reads) = Default::default();
        Ok(Self { config, names, publisher, ballots, reads, admin, reading: tokio::sync::Mutex::default() })
    }

    async fn connection(&self) -> Result<Arc<Connection>, BrokerError> {
        self.admin.up(ANSWER).await.map_err(BrokerError)
    }

    fn target(&self, route: &Route) -> Target {
        let queue = |name: &str| Target { exchange: String::new(), key: self.names.on_broker(name) };
        match route {
            Route::Fact(kind) => Target { exchange: self.names.exchange(), key: (*kind).to_owned() },
            Route::Queue(to) => queue(&to.address()),
            Route::Delayed(step, to) => queue(&topology::delay_queue(*step, to.name)),
            Route::Ballots { key, group, index } => {
                let key = format!("{key}.{}.{index}", group.word());
                Target { exchange: self.names.ballots_exchange(), key }
            }
            Route::Dead(..) => queue(topology::DEAD_LETTER_QUEUE),
        }
    }
}

#[async_trait]
impl Bus for RabbitMq {
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        let mut headers = wire::headers(&message, Counters::default());
        match route {
            Route::Ballots { group, index, .. } => {
                self.ballots.publish(self, group, *index, self.target(route), &message, headers).await
            }
            Route::Dead(queue, reason) => {
                wire::bury(&mut headers, queue.name, reason);
                self.publisher.publish(self.target(route), &message, headers).await
            }
            _ => self.publisher.publish(self.target(route), &message, headers).await,
        }
    }

    async fn declare(&self, group: &'static Queue, queues: usize) -> Result<(), BrokerError> {
        self.ballots.declare(self, group, queues).await
    }

    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
        consumer::run(self, queue, handler, shutdown).await;
    }

    fn has_read_since(&self, then: Instant) -> bool {
        self.reads.all_since(then)
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        let connection = self.connection().await?;
        if let Some(group) = topology::queue(queue).filter(|queue| queue.grouped) {
            return groups::depth(&connection, &self.names, group).await;
        }
        answered(ANSWER, declare::depth(&connection, &self.names.on_broker(queue))).await
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.publisher.ready().map_err(BrokerError)?;
        self.ballots.ready().map_err(BrokerError)?;
        let connection = self.admin.up(Duration::ZERO).await.map_err(BrokerError)?;
        let queue = self.names.on_broker(topology::DEAD_LETTER_QUEUE);
        answered(READY, declare::depth(&connection, &queue)).await.map(drop)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        dead::list(self, limit).await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        dead::requeue(self, id).await
    }

    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        dead::discard(self, id).await
    }
}

/// The broker's answer, if it comes in time.
async fn answered<T>(limit: Duration, question: impl Future<Output = lapin::Result<T>>) -> Result<T, BrokerError> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer.map_err(|e| BrokerError(e.to_string())),
        Err(_elapsed) => Err(BrokerError(format!("nothing came within {limit:?}"))),
    }
}
