//! How Redis is reached, and what is checked before it is used.

use std::{sync::atomic::AtomicBool, time::Duration};

use fred::{
    prelude::{Builder, Client, ClientLike, ClusterInterface, Config, ReconnectPolicy},
    types::{
        InfoKind,
        config::{ClusterDiscoveryPolicy, UnresponsiveConfig},
    },
};
use tokio::task::JoinHandle;

use super::{RedisStates, scripts::Scripts, waiting::Waiting};

/// One command: scripts take microseconds, and a fail-over takes longer than anybody should wait.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(2_500);
/// A TCP connection and its greeting, in one region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that is silent this long with commands on it is given up and made anew; above
/// [`COMMAND_TIMEOUT`], so that one slow command does not end the connection of all.
const UNRESPONSIVE: Duration = Duration::from_secs(4);
/// Commands that wait for the connection; more are refused at once, so that an outage cannot fill memory.
const BUFFER: usize = 10_000;
/// Milliseconds between attempts to reconnect, for ever: soon at first, then twice in a second or two.
const RECONNECT: (u32, u32, u32, u32) = (50, 2_000, 2, 250);
/// What a URL may begin with.
const SCHEMES: [&str; 4] = ["redis", "rediss", "redis-cluster", "rediss-cluster"];
/// The first connection: all nodes of a cluster, one after the other.
const START: Duration = Duration::from_secs(15);

/// Why states in Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is wrong. It is not repeated: it may hold a password.
    #[error("the Redis URL is not valid ({0}); expected redis-cluster://host:port?node=host:port or redis://host:port")]
    Url(String),
    /// Nobody answers there.
    #[error("redis cannot be reached: {0}")]
    Unreachable(String),
    /// Redis would drop states when its memory is full.
    #[error("redis {node} has maxmemory-policy `{policy}` and may drop states; set it to `noeviction`")]
    Evicts {
        /// The node.
        node: String,
        /// Its policy.
        policy: String,
    },
}

impl From<fred::error::Error> for ConnectError {
    fn from(error: fred::error::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl RedisStates {
    /// Connects to `redis-cluster://user:password@host:port?node=host:port&…` (`rediss-cluster://` for TLS), or
    /// to one server by `redis://`. An error unless every master has `maxmemory-policy noeviction`.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        let (client, connection) = open(url).await?;
        // From here on the connection's task ends with this.
        let mut states = Self {
            client,
            scripts: Scripts::default(),
            waiting: Waiting::default(),
            down: AtomicBool::new(false),
            connection,
        };
        states.scripts = Scripts::load(&states.client).await?;
        check_eviction(&states.client).await?;
        Ok(states)
    }
}

/// A connected client, and its connection's task, which ends with whoever uses it.
pub(crate) async fn open(url: &str) -> Result<(Client, JoinHandle<Result<(), fred::error::Error>>), ConnectError> {
    let client = build(url)?;
    match tokio::time::timeout(START, client.init()).await {
        Ok(connection) => Ok((client, connection?)),
        Err(_) => Err(ConnectError::Unreachable(format!("no answer within {} s", START.as_secs()))),
    }
}

fn build(url: &str) -> Result<Client, ConnectError> {
    let invalid = |e: fred::error::Error| ConnectError::Url(e.details().to_owned());
    // fred takes any scheme for that of one server.
    if !SCHEMES.iter().any(|scheme| url.split_once("://").is_some_and(|(found, _)| found == *scheme)) {
        return Err(ConnectError::Url("its scheme is not one of Redis".to_owned()));
    }
    let mut config = Config::from_url(url).map_err(invalid)?;
    if config.server.is_clustered() {
        config.server.set_cluster_discovery_policy(ClusterDiscoveryPolicy::ConfigEndpoint).map_err(invalid)?;
    }
    let (first, last, base, jitter) = RECONNECT;
    let mut policy = ReconnectPolicy::new_exponential(0, first, last, base);
    policy.set_jitter(jitter);
    let mut builder = Builder::from_config(config);
    builder.set_policy(policy).with_performance_config(|c| c.default_command_timeout = COMMAND_TIMEOUT);
    builder.with_connection_config(|c| {
        c.connection_timeout = CONNECT_TIMEOUT;
        c.internal_command_timeout = CONNECT_TIMEOUT;
        // What was in flight when a connection broke is never sent again by the client.
        c.max_command_attempts = 1;
        c.max_command_buffer_len = BUFFER;
        c.unresponsive = UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: Duration::from_millis(500) };
        c.tcp.nodelay = Some(true);
    });
    builder.build().map_err(invalid)
}

/// An error unless every master keeps what it was told.
pub(crate) async fn check_eviction(client: &Client) -> Result<(), ConnectError> {
    let Some(cluster) = client.cached_cluster_state().filter(|state| state.len() > 0) else {
        return judge("server", &client.info::<String>(Some(InfoKind::Memory)).await?);
    };
    for node in cluster.unique_primary_nodes() {
        let info: String = client.with_cluster_node(&node).info(Some(InfoKind::Memory)).await?;
        judge(&node.to_string(), &info)?;
    }
    Ok(())
}

/// `INFO` and not `CONFIG GET`: the latter is closed in managed services.
fn judge(node: &str, info: &str) -> Result<(), ConnectError> {
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).unwrap_or("unknown");
    match policy {
        "noeviction" => Ok(()),
        _ => Err(ConnectError::Evicts { node: node.to_owned(), policy: policy.to_owned() }),
    }
}
