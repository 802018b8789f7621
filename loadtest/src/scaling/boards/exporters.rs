//! What a cluster's own monitoring brings along: node-exporter, kube-state-metrics, and what a kubelet tells of containers.

use std::{fmt::Write as _, path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, ensure};
use testkit::{Folder, Process, free_port, http};
use tokio::task::JoinHandle;

use super::super::{cluster::Cluster, pods::Pods};
use crate::cpu;

const STARTED: Duration = Duration::from_secs(60);
/// Between two looks at the processes.
const LOOK: Duration = Duration::from_secs(5);
/// The objects that boards and rules ask for.
const RESOURCES: &str =
    "deployments,statefulsets,horizontalpodautoscalers,pods,resourcequotas,persistentvolumeclaims,nodes";

/// They end with their handle.
pub struct Exporters {
    telling: JoinHandle<()>,
    _processes: [Process; 2],
    _folder: Folder,
}

impl Drop for Exporters {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Exporters {
    /// Starts them, and has Prometheus scrape them.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        let folder = Folder::new("exporters");
        let program = testkit::cache().join("bin/kube-state-metrics");
        ensure!(program.exists(), "no {} (run libs/testkit/servers/install.sh --scaling)", program.display());
        let (objects, own, nodes) = (free_port(), free_port(), free_port());
        let mut command = Command::new(program);
        command.arg("--kubeconfig").arg(cluster.kubernetes.kubeconfig()).arg(format!("--resources={RESOURCES}"));
        command.args(["--host=127.0.0.1", "--telemetry-host=127.0.0.1"]);
        command.arg(format!("--port={objects}")).arg(format!("--telemetry-port={own}"));
        let state = Process::start("kube-state-metrics", command, &folder.path().join("objects.log"));
        let mut command = Command::new("prometheus-node-exporter");
        command.arg(format!("--web.listen-address=127.0.0.1:{nodes}"));
        command.arg("--collector.textfile.directory").arg(folder.path());
        let node = Process::start("node-exporter", command, &folder.path().join("node.log"));
        for (process, port) in [(&state, objects), (&node, nodes)] {
            let url = format!("http://127.0.0.1:{port}/metrics");
            process.ready(STARTED, || async { http().get(&url).send().await?.error_for_status().map(drop) }).await;
        }
        cluster.prometheus.also(&jobs(objects, nodes)).await?;
        let telling = tokio::spawn(tell(cluster.pods.clone(), folder.path().join("containers.prom")));
        Ok(Self { telling, _processes: [state, node], _folder: folder })
    }
}

/// Labels are the objects' own, as kube-prometheus-stack has it.
fn jobs(objects: u16, nodes: u16) -> String {
    [("kube-state-metrics", objects), ("node-exporter", nodes)].into_iter().fold(
        String::new(),
        |mut text, (job, port)| {
            let _ = write!(text, "  - job_name: {job}\n    honor_labels: true\n");
            let _ = writeln!(text, "    static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]");
            text
        },
    )
}

/// What each pod's process has spent and holds, as a kubelet tells it of containers, by node-exporter's collector of files.
async fn tell(pods: Pods, path: PathBuf) {
    loop {
        let mut text = String::from(
            "# TYPE container_cpu_usage_seconds_total counter\n# TYPE container_memory_working_set_bytes gauge\n",
        );
        for (pod, pid) in pods.pids() {
            let labels = format!("{{namespace=\"marea\",pod=\"{pod}\",container=\"service\"}}");
            let _ = writeln!(text, "container_cpu_usage_seconds_total{labels} {}", cpu::seconds(pid));
            let _ = writeln!(text, "container_memory_working_set_bytes{labels} {}", cpu::resident(pid));
        }
        // By rename: it is read at any time.
        let new = path.with_extension("new");
        if let Err(error) = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)) {
            eprintln!("boards: containers: {error}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
