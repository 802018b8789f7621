//! Redis Cluster: three masters with a replica each.

mod resp;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::{Folder, Process, free_port, programs, shared, until};

const NODES: usize = 6;
/// Six small servers on two busy cores; alone they take 3 s.
const STARTED: Duration = Duration::from_secs(90);
/// A master that is silent this long is replaced by its replica: short, so that tests see fail-overs soon,
/// and long against what a busy test machine keeps a process waiting.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// A Redis Cluster of six nodes, numbered from 0.
#[derive(Debug)]
pub struct RedisCluster {
    ports: Vec<u16>,
    processes: Vec<Process>,
    _folder: Option<Folder>,
}

impl RedisCluster {
    /// A cluster of one's own. `None`, and said, where Redis is not installed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start() -> Option<Self> {
        let [server, client] = programs::find(["redis-server", "redis-cli"])?;
        let folder = Folder::new("redis");
        let ports: Vec<u16> = (0..NODES).map(|_| free_port()).collect();
        let processes = ports.iter().map(|port| start_node(&server, *port, folder.path())).collect();
        let cluster = Self { ports, processes, _folder: Some(folder) };
        for node in 0..NODES {
            cluster.processes[node].ready(STARTED, || cluster.ask(node, &["PING"])).await;
        }
        cluster.join(&client).await;
        Some(cluster)
    }

    /// The cluster that all tests of a binary, or of the whole run, share: use a prefix of one's own.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<RedisCluster>> = OnceCell::const_new();
        SHARED.get_or_init(shared_once).await.as_ref()
    }

    /// The nodes' URLs.
    pub fn urls(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect()
    }

    /// One URL that names all nodes, as fred reads it.
    pub fn url(&self) -> String {
        let others: Vec<String> = self.ports[1..].iter().map(|port| format!("node=127.0.0.1:{port}")).collect();
        format!("redis-cluster://127.0.0.1:{}?{}", self.ports[0], others.join("&"))
    }

    /// The node that is the key's master now, as a node that runs sees it.
    ///
    /// # Errors
    /// Where no node answers, or the slot has no master that runs.
    pub async fn master_of(&self, key: &str) -> Result<usize, String> {
        let slot = self.ask_any(&["CLUSTER", "KEYSLOT", key]).await?;
        let slot: u16 = slot.parse().map_err(|_| format!("not a slot: {slot}"))?;
        let view = self.ask_any(&["CLUSTER", "NODES"]).await?;
        let line = view.lines().find(|line| is_master_of(line, slot));
        let port = line.and_then(port_of).ok_or_else(|| format!("slot {slot} has no master in\n{view}"))?;
        self.ports.iter().position(|p| *p == port).ok_or_else(|| format!("port {port} is not a node of ours"))
    }

    /// The replica of a master now.
    ///
    /// # Errors
    /// Where no node answers, or the master has no replica.
    pub async fn replica_of(&self, master: usize) -> Result<usize, String> {
        let view = self.ask_any(&["CLUSTER", "NODES"]).await?;
        let ids: BTreeMap<&str, u16> = view.lines().filter_map(|l| Some((l.split(' ').next()?, port_of(l)?))).collect();
        let id = ids.iter().find(|(_, port)| **port == self.ports[master]).map(|(id, _)| *id);
        let line = view.lines().find(|line| line.split(' ').nth(3) == id && line.contains("slave"));
        let port = line.and_then(port_of).ok_or_else(|| format!("node {master} has no replica in\n{view}"))?;
        self.ports.iter().position(|p| *p == port).ok_or_else(|| format!("port {port} is not a node of ours"))
    }

    /// SIGKILL to a node. Without append-only file nothing of it is left: what its replica has not got is lost.
    pub fn kill(&self, node: usize) {
        self.process(node).kill9();
    }

    /// SIGSTOP to a node.
    pub fn pause(&self, node: usize) {
        self.process(node).pause();
    }

    /// SIGCONT to a node.
    pub fn resume(&self, node: usize) {
        self.process(node).resume();
    }

    /// Starts a killed node again and awaits that it answers.
    pub async fn restart(&self, node: usize) {
        let process = self.process(node);
        process.restart();
        process.ready(STARTED, || self.ask(node, &["PING"])).await;
    }

    /// Awaits that every slot is served.
    ///
    /// # Panics
    /// Where that does not come within the time.
    pub async fn await_ok(&self) {
        let ok = until("cluster_state:ok", STARTED, || async {
            for node in (0..NODES).filter(|node| self.runs(*node)) {
                is_ok(&self.ask(node, &["CLUSTER", "INFO"]).await?)?;
            }
            Ok::<_, String>(())
        });
        ok.await.unwrap_or_else(|e| panic!("{e}"));
    }

    /// Asks a node; an array comes with an element a line.
    ///
    /// # Errors
    /// Where it does not answer within a second, or answers an error.
    pub async fn ask(&self, node: usize, words: &[&str]) -> Result<String, String> {
        resp::ask(self.ports[node], words).await
    }

    async fn ask_any(&self, words: &[&str]) -> Result<String, String> {
        let mut last = "no node runs".to_owned();
        for node in (0..NODES).filter(|node| self.runs(*node)) {
            match self.ask(node, words).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn runs(&self, node: usize) -> bool {
        self.processes.get(node).is_none_or(|process| process.pid().is_some())
    }

    async fn join(&self, client: &Path) {
        let addresses = self.ports.iter().map(|port| format!("127.0.0.1:{port}"));
        let mut create = Command::new(client);
        create.args(["--cluster", "create"]).args(addresses).args(["--cluster-replicas", "1", "--cluster-yes"]);
        let output = create.output().expect("redis-cli was found and is executable");
        assert!(output.status.success(), "no cluster was made: {}", String::from_utf8_lossy(&output.stdout));
        self.await_ok().await;
        // The first three were made masters; their replicas attach a little later.
        for master in 0..NODES / 2 {
            let replica = until("a replica in sync", STARTED, || async {
                let info = self.ask(master, &["INFO", "replication"]).await?;
                if info.contains("state=online") { Ok(()) } else { Err(info) }
            });
            replica.await.unwrap_or_else(|e| panic!("{e}\n{}", self.process(master).tail()));
        }
    }

    fn process(&self, node: usize) -> &Process {
        let process = self.processes.get(node);
        process.expect("a cluster from the environment is for sharing; use RedisCluster::start to kill nodes")
    }
}

async fn shared_once() -> Option<RedisCluster> {
    let Some(urls) = shared::list(shared::REDIS) else { return RedisCluster::start().await };
    let port = |url: &String| url.rsplit(':').next().and_then(|port| port.parse().ok());
    let ports: Option<Vec<u16>> = urls.iter().map(port).collect();
    let ports = ports.unwrap_or_else(|| panic!("{} is not a list of redis://host:port", shared::REDIS));
    Some(RedisCluster { ports, processes: Vec::new(), _folder: None })
}

fn start_node(server: &Path, port: u16, folder: &Path) -> Process {
    let own = folder.join(port.to_string());
    std::fs::create_dir_all(&own).expect("a folder of our own is writable");
    let (port_, bus, timeout) = (port.to_string(), free_port().to_string(), NODE_TIMEOUT.as_millis().to_string());
    let mut command = Command::new(server);
    command.current_dir(&own).args(["--bind", "127.0.0.1", "--port", &port_, "--cluster-port", &bus]);
    command.args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]);
    command.args(["--cluster-node-timeout", &timeout, "--maxmemory-policy", "noeviction"]);
    command.args(["--save", "", "--appendonly", "no"]);
    Process::start(format!("redis {port}"), command, &own.join("log"))
}

fn is_ok(info: &str) -> Result<(), String> {
    let wanted = ["cluster_state:ok", "cluster_slots_ok:16384"];
    if wanted.iter().all(|w| info.contains(w)) { Ok(()) } else { Err(info.lines().take(3).collect()) }
}

/// A line of `CLUSTER NODES`: id, address, flags, master, ping, pong, epoch, link, slots…
fn is_master_of(line: &str, slot: u16) -> bool {
    let fields: Vec<&str> = line.split(' ').collect();
    let flags: Vec<&str> = fields.get(2).map(|flags| flags.split(',').collect()).unwrap_or_default();
    flags.contains(&"master") && !flags.contains(&"fail") && fields.iter().skip(8).any(|range| holds(range, slot))
}

fn holds(range: &str, slot: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= slot && slot <= last)
}

fn port_of(line: &str) -> Option<u16> {
    line.split(' ').nth(1)?.split('@').next()?.rsplit(':').next()?.parse().ok()
}
