//! Prometheus with the overlay's own configuration and rules, and prometheus-adapter with its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use testkit::{Kubernetes, Process, free_port, http, workspace};

/// Where the pods are written down.
pub const TARGETS: &str = "targets.json";
/// The files of rules.
pub const RULES: [&str; 4] = ["scaling", "marea", "logs", "cluster"];
/// How the overlay's Prometheus finds pods.
const DISCOVERY: &str = r#"    kubernetes_sd_configs:
      - role: pod
        namespaces: {names: [marea]}
        selectors: [{role: pod, label: "app.kubernetes.io/part-of=marea"}]
"#;
const STARTED: Duration = Duration::from_secs(60);

/// A Prometheus. Debian's is built without Kubernetes' discovery: [`super::pods`] tells it of pods by a file, with the
/// labels that the discovery gives, so that the overlay's own relabelling makes series of them.
pub struct Prometheus {
    pub url: String,
    folder: PathBuf,
    broker: String,
    _process: Process,
}

impl Prometheus {
    /// Starts it; `broker` is `host:port` of the broker's metrics.
    pub async fn start(folder: &Path, broker: &str) -> Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port());
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, configuration(folder, broker, &[])?)?;
        let mut command = Command::new("prometheus");
        command.arg("--config.file").arg(&config).arg("--storage.tsdb.path").arg(folder.join("tsdb"));
        command.arg(format!("--web.listen-address={listen}")).args(["--web.enable-lifecycle", "--log.level=warn"]);
        let process = Process::start("prometheus", command, &folder.join("prometheus.log"));
        let url = format!("http://{listen}");
        let probe = || async { http().get(format!("{url}/-/ready")).send().await?.error_for_status().map(drop) };
        process.ready(STARTED, probe).await;
        Ok(Self { url, folder: folder.to_owned(), broker: broker.to_owned(), _process: process })
    }

    /// Leaves these services' metrics out from now on, as if nobody told them.
    pub async fn without(&self, services: &[&str]) -> Result<()> {
        self.configure(configuration(&self.folder, &self.broker, services)?).await
    }

    /// Scrapes these jobs too from now on, in YAML as `scrape_configs` has them.
    pub async fn also(&self, jobs: &str) -> Result<()> {
        self.configure(configuration(&self.folder, &self.broker, &[])? + jobs).await
    }

    async fn configure(&self, configuration: String) -> Result<()> {
        std::fs::write(self.folder.join("prometheus.yml"), configuration)?;
        http().post(format!("{}/-/reload", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// The first value of a query, where it has any.
    pub async fn value(&self, query: &str) -> Result<Option<f64>> {
        Ok(self.values(query).await?.first().copied())
    }

    /// Whether a query has any value that is a number.
    pub async fn has_data(&self, query: &str) -> Result<bool> {
        Ok(self.values(query).await?.iter().any(|value| !value.is_nan()))
    }

    async fn values(&self, query: &str) -> Result<Vec<f64>> {
        let encoded = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer: Value =
            http().get(format!("{}/api/v1/query?query={encoded}", self.url)).send().await?.json().await?;
        ensure!(answer["status"] == "success", "`{query}` is answered {answer}");
        let series = answer["data"]["result"].as_array().context("no result")?;
        series.iter().map(|one| one["value"][1].as_str().context("no value")?.parse().context("not a number")).collect()
    }
}

/// The overlay's configuration, with what differs here.
fn configuration(folder: &Path, broker: &str, without: &[&str]) -> Result<String> {
    let mut text = std::fs::read_to_string(workspace().join("k8s/overlays/single/prometheus-config.yaml"))?;
    let rules = workspace().join("k8s/monitoring/rules");
    let rules = RULES.map(|file| rules.join(format!("{file}.yaml")).display().to_string());
    let last = "{source_labels: [__meta_kubernetes_pod_label_app_kubernetes_io_name], target_label: service}\n";
    let dropped = format!("{last}      - {{source_labels: [service], regex: {}, action: drop}}\n", without.join("|"));
    let mut exchanges = vec![
        (DISCOVERY, format!("    file_sd_configs: [{{files: [{}]}}]\n", folder.join(TARGETS).display())),
        ("rabbitmq:15692", broker.to_owned()),
        ("[/etc/prometheus/rules/*.yaml]", format!("[{}]", rules.join(", "))),
    ];
    if !without.is_empty() {
        exchanges.push((last, dropped));
    }
    for (from, to) in exchanges {
        ensure!(text.contains(from), "the overlay's configuration of Prometheus has no `{from}` any more");
        text = text.replacen(from, &to, 1);
    }
    if !without.is_empty() {
        let queues = without.iter().map(|service| format!("marea\\.{service}")).collect::<Vec<_>>().join("|");
        text += &format!("    metric_relabel_configs: [{{source_labels: [queue], regex: '{queues}', action: drop}}]\n");
    }
    Ok(text)
}

/// Starts prometheus-adapter as its Deployment does, on this port.
pub fn adapter(kubernetes: &Kubernetes, folder: &Path, prometheus: &str, port: u16) -> Result<Process> {
    let program = testkit::cache().join("bin/prometheus-adapter");
    ensure!(program.exists(), "no {} (run libs/testkit/servers/install.sh --scaling)", program.display());
    let kubeconfig = account(kubernetes, "prometheus-adapter");
    let mut command = Command::new(program);
    for flag in ["--lister-kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig"] {
        command.arg(flag).arg(&kubeconfig);
    }
    command.arg("--config").arg(workspace().join("k8s/monitoring/adapter/config.yaml"));
    command.arg("--cert-dir").arg(folder.join("adapter")).arg(format!("--prometheus-url={prometheus}/"));
    command.arg(format!("--secure-port={port}")).arg("--bind-address=127.0.0.1");
    command.args(["--metrics-relist-interval=30s", "--metrics-max-age=10m"]);
    Ok(Process::start("prometheus-adapter", command, &folder.join("adapter.log")))
}

/// A kubeconfig with the rights of a ServiceAccount of the manifests.
pub fn account(kubernetes: &Kubernetes, name: &str) -> PathBuf {
    let groups = ["system:serviceaccounts", "system:serviceaccounts:marea"];
    kubernetes.kubeconfig_as(&format!("system:serviceaccount:marea:{name}"), &groups)
}
