//! RabbitMQ: one node, or a cluster of three.

mod management;
mod node;

use std::time::Duration;

use tokio::sync::OnceCell;

pub use self::management::QueueDepth;
use self::node::{Cluster, Node};
use crate::{Folder, Process, free_port, programs, shared, until};

/// A broker's cold start takes 5 s alone and 15 s as three nodes on two idle cores; tests share them.
const STARTED: Duration = Duration::from_secs(120);
/// Longest that a node of a cluster starts after a crash before it is taken for one that never will.
const STUCK: Duration = Duration::from_secs(30);

/// A RabbitMQ broker of one or more nodes, numbered from 0.
#[derive(Debug)]
pub struct RabbitMq {
    // Fields drop in this order: nodes before the mapper that they are registered with.
    nodes: Vec<Node>,
    _epmd: Option<Process>,
    folder: Option<Folder>,
}

impl RabbitMq {
    /// A broker of one's own. `None`, and said, where RabbitMQ is not installed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(nodes: usize) -> Option<Self> {
        let [server, epmd] = programs::find(["rabbitmq-server", "epmd"])?;
        let folder = Folder::new("rabbitmq");
        let epmd_port = free_port();
        let epmd = start_epmd(&epmd, epmd_port, &folder).await;
        let cluster = Cluster::new(server, folder.path(), epmd_port, nodes);
        let nodes: Vec<Node> = (0..nodes).map(|number| cluster.start(number)).collect();
        let broker = Self { nodes, _epmd: Some(epmd), folder: Some(folder) };
        for node in 0..broker.nodes.len() {
            broker.await_ready(node).await;
        }
        Some(broker)
    }

    /// The single node that all tests of a binary, or of the whole run, share: use a [`RabbitMq::vhost`].
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<RabbitMq>> = OnceCell::const_new();
        SHARED.get_or_init(|| shared_once(1)).await.as_ref()
    }

    /// The URL of a node, with the default vhost.
    pub fn url(&self, node: usize) -> String {
        format!("{}/%2f", self.nodes[node].amqp)
    }

    /// The URL of a node's management API, with its credentials.
    pub fn management(&self, node: usize) -> &str {
        &self.nodes[node].management
    }

    /// The URL that Prometheus reads a node's metrics at, without a path.
    ///
    /// # Panics
    /// Of a broker from the environment, which does not tell it.
    pub fn metrics(&self, node: usize) -> &str {
        let metrics = self.nodes[node].metrics.as_deref();
        metrics.expect("a broker from the environment is for tests' queues; use RabbitMq::start to read its metrics")
    }

    /// The nodes' URLs without a vhost.
    pub fn authorities(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.amqp.clone()).collect()
    }

    /// The URLs of the nodes' management API.
    pub fn managements(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.management.clone()).collect()
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Makes an empty vhost of that name (dropping one that exists) and gives its URL at the first node.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub async fn vhost(&self, name: &str) -> String {
        let first = &self.nodes[0];
        let made = until("a fresh vhost", STARTED, || management::fresh_vhost(&first.management, name)).await;
        made.unwrap_or_else(|e| panic!("{e}"));
        self.vhost_url(0, name)
    }

    /// The URL of a vhost at a node.
    pub fn vhost_url(&self, node: usize, name: &str) -> String {
        format!("{}/{name}", self.nodes[node].amqp)
    }

    /// Every queue of a vhost with what is in it, as the node sees it.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn depths(&self, node: usize, vhost: &str) -> Result<Vec<QueueDepth>, String> {
        management::depths(&self.nodes[node].management, vhost).await
    }

    /// Drops a vhost with all in it.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub async fn drop_vhost(&self, name: &str) {
        let dropped = management::drop_vhost(&self.nodes[0].management, name).await;
        dropped.unwrap_or_else(|e| panic!("{e}"));
    }

    /// SIGKILL to a node.
    pub fn kill(&self, node: usize) {
        self.process(node).kill9();
    }

    /// SIGSTOP to a node: its connections stay open and silent.
    pub fn pause(&self, node: usize) {
        self.process(node).pause();
    }

    /// SIGCONT to a node.
    pub fn resume(&self, node: usize) {
        self.process(node).resume();
    }

    /// Starts a killed node again without awaiting it: with a majority gone, it comes up only with the others.
    pub fn restart(&self, node: usize) {
        self.process(node).restart();
    }

    /// Awaits that a node serves and sees every other node that runs.
    ///
    /// # Panics
    /// Where it does not; with its log's last lines.
    pub async fn await_ready(&self, node: usize) {
        let (running, management) = (self.running().len(), &self.nodes[node].management);
        self.process(node).ready(STARTED, || management::sees_nodes(management, running)).await;
    }

    /// Awaits that every node that runs serves and sees the others, and does meanwhile what an operator does. RabbitMQ 3 keeps
    /// its topology in Mnesia, whose nodes may each wait for the others' tables for ever where a majority was killed at
    /// once. One that is stuck is started again, and then by force, as `rabbitmqctl force_boot` does it. Messages of
    /// quorum queues are not Mnesia's.
    ///
    /// # Panics
    /// Where that does not help.
    pub async fn recover(&self) {
        for force in [false, true] {
            let stuck = self.stuck().await;
            for node in &stuck {
                println!("broker node {node} is stuck at its start, and is started again, by force: {force}");
                self.kill(*node);
                if force {
                    self.force_boot(*node);
                }
            }
            stuck.iter().for_each(|node| self.restart(*node));
        }
        for node in self.running() {
            self.await_ready(node).await;
        }
    }

    /// Nodes that were started and do not serve.
    async fn stuck(&self) -> Vec<usize> {
        let mut stuck = vec![];
        for node in self.running() {
            let serves = || management::sees_nodes(&self.nodes[node].management, 1);
            if until("a broker's node", STUCK, serves).await.is_err() {
                stuck.push(node);
            }
        }
        stuck
    }

    /// Has a node that is down take its own tables for the newest when it starts next.
    fn force_boot(&self, node: usize) {
        let folder = self.folder.as_ref().expect("a broker of our own has a folder").path();
        let tables = folder.join(format!("r{node}/mnesia/r{node}@localhost"));
        std::fs::write(tables.join("force_load"), "").expect("a folder of our own is writable");
    }

    fn running(&self) -> Vec<usize> {
        let runs = |node: &usize| self.nodes[*node].process.as_ref().is_none_or(|p| p.pid().is_some());
        (0..self.nodes.len()).filter(runs).collect()
    }

    fn process(&self, node: usize) -> &Process {
        let process = self.nodes[node].process.as_ref();
        process.expect("a broker from the environment is for sharing; use RabbitMq::start to kill nodes")
    }
}

/// The broker from the environment, else one of this process.
async fn shared_once(nodes: usize) -> Option<RabbitMq> {
    let Some((amqp, management)) = shared::list(shared::AMQP).zip(shared::list(shared::AMQP_MANAGEMENT)) else {
        return RabbitMq::start(nodes).await;
    };
    let nodes = amqp.into_iter().zip(management);
    let nodes = nodes.map(|(amqp, management)| Node { amqp, management, metrics: None, process: None }).collect();
    Some(RabbitMq { nodes, _epmd: None, folder: None })
}

/// A port mapper of this broker's own, so that brokers of several test runs never meet, and none
/// of theirs is left behind as a daemon.
async fn start_epmd(program: &std::path::Path, port: u16, folder: &Folder) -> Process {
    let mut command = std::process::Command::new(program);
    command.args(["-port", &port.to_string(), "-address", "127.0.0.1"]);
    let process = Process::start("epmd", command, &folder.path().join("epmd.log"));
    process.ready(Duration::from_secs(30), || tokio::net::TcpStream::connect(("127.0.0.1", port))).await;
    process
}
