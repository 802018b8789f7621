//! One node's files, ports and process.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Process, free_port};

/// The distribution on loopback only, and no busy waiting of idle schedulers on the tests' few cores.
const ERLANG: &str = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none";

#[derive(Debug)]
pub(super) struct Node {
    /// `amqp://user:password@host:port`
    pub amqp: String,
    /// `http://user:password@host:port`
    pub management: String,
    /// `http://host:port`, of what Prometheus reads; none of a broker from the environment.
    pub metrics: Option<String>,
    pub process: Option<Process>,
}

/// What the nodes of one broker have in common.
pub(super) struct Cluster {
    server: PathBuf,
    folder: PathBuf,
    epmd: u16,
    names: Vec<String>,
}

impl Cluster {
    pub fn new(server: PathBuf, folder: &Path, epmd: u16, nodes: usize) -> Self {
        let names = (0..nodes).map(|number| format!("r{number}@localhost")).collect();
        Self { server, folder: folder.to_owned(), epmd, names }
    }

    /// Starts a node; it forms the cluster with the others by itself.
    pub fn start(&self, number: usize) -> Node {
        let folder = self.folder.join(format!("r{number}"));
        std::fs::create_dir_all(&folder).expect("a folder of our own is writable");
        let (amqp, management, metrics) = (free_port(), free_port(), free_port());
        write(&folder, "rabbitmq.conf", &self.config(amqp, management, metrics));
        write(&folder, "enabled_plugins", "[rabbitmq_management,rabbitmq_prometheus].\n");
        let process = Process::start(&self.names[number], self.command(number, &folder), &folder.join("log"));
        Node {
            amqp: format!("amqp://guest:guest@127.0.0.1:{amqp}"),
            management: format!("http://guest:guest@127.0.0.1:{management}"),
            metrics: Some(format!("http://127.0.0.1:{metrics}")),
            process: Some(process),
        }
    }

    fn command(&self, number: usize, folder: &Path) -> Command {
        let mut command = Command::new(&self.server);
        command
            // A dying node dumps its state where it stands.
            .current_dir(folder)
            .env("HOME", &self.folder)
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", &self.names[number])
            .env("RABBITMQ_DIST_PORT", free_port().to_string())
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("none"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("none.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG);
        command
    }

    fn config(&self, amqp: u16, management: u16, metrics: u16) -> String {
        let mut config = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\n\
             prometheus.tcp.ip = 127.0.0.1\n\
             prometheus.tcp.port = {metrics}\n\
             management_agent.disable_metrics_collector = true\n\
             management.disable_stats = true\n\
             management.enable_queue_totals = true\n\
             cluster_formation.peer_discovery_backend = classic_config\n\
             cluster_partition_handling = pause_minority\n"
        );
        for (number, name) in self.names.iter().enumerate() {
            writeln!(config, "cluster_formation.classic_config.nodes.{} = {name}", number + 1)
                .expect("a String takes all that is written");
        }
        config
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    std::fs::write(folder.join(name), content).expect("a folder of our own is writable");
}
