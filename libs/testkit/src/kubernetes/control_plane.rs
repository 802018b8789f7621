//! The processes of a cluster and their flags.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kube::Client;

use super::Options;
use super::pki::Pki;
use crate::{Process, free_port, http, programs, workspace};

/// Alone it takes 4 s; tests share two cores.
const STARTED: Duration = Duration::from_secs(120);

/// Where the programs are; the controllers' only where they are wanted.
pub(super) struct Programs {
    etcd: PathBuf,
    api_server: PathBuf,
    controllers: Option<[PathBuf; 3]>,
}

impl Programs {
    pub fn find(controllers: bool) -> Option<Self> {
        let [etcd, api_server, _openssl] = programs::find(["etcd", "kube-apiserver", "openssl"])?;
        let controllers = match controllers {
            true => Some(programs::find(["kube-controller-manager", "kube-scheduler", "kwok"])?),
            false => None,
        };
        Some(Self { etcd, api_server, controllers })
    }
}

/// The running processes. They drop in this order: nobody outlives what it talks to.
#[derive(Debug)]
pub(super) struct ControlPlane {
    controllers: Vec<Process>,
    pub api_server: Process,
    _etcd: Process,
    programs: Option<[PathBuf; 3]>,
    folder: PathBuf,
    service_account_key: PathBuf,
    authority: PathBuf,
}

impl ControlPlane {
    /// Starts etcd and the API server, and gives its URL.
    pub async fn start(programs: Programs, folder: &Path, pki: &Pki) -> (String, Self) {
        let (url, etcd) = start_etcd(&programs.etcd, folder).await;
        let port = free_port();
        let api_server = start_api_server(&programs, folder, pki, &url, port);
        let plane = Self {
            controllers: Vec::new(),
            api_server,
            _etcd: etcd,
            programs: programs.controllers,
            folder: folder.to_owned(),
            service_account_key: pki.file("service-accounts.key"),
            authority: pki.file("ca.crt"),
        };
        (format!("https://127.0.0.1:{port}"), plane)
    }

    /// Awaits that every post-start hook is through.
    pub async fn await_api_server(&self, client: &Client) {
        let probe = || async {
            let request = axum::http::Request::get("/readyz").body(Vec::new()).expect("a constant path is a URI");
            client.request_text(request).await.map_err(|e| format!("{e:?}"))
        };
        self.api_server.ready(STARTED, probe).await;
    }

    /// Starts controllers, scheduler and kwok, where they are wanted.
    pub fn with_controllers(mut self, kubeconfig: &Path, options: Options) -> Self {
        if let Some([manager, scheduler, kwok]) = self.programs.take() {
            let kwok = self.kwok(&kwok);
            let manager = self.controller_manager(&manager, options.autoscaler_period);
            let parts = [manager, self.scheduler(&scheduler), kwok];
            self.controllers = parts
                .into_iter()
                .map(|(name, mut command)| {
                    command.arg("--kubeconfig").arg(kubeconfig);
                    Process::start(name, command, &self.folder.join(format!("{name}.log")))
                })
                .collect();
        }
        self
    }

    fn controller_manager(&self, program: &Path, autoscaler: Duration) -> (&'static str, Command) {
        let mut command = Command::new(program);
        command.args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"]);
        command.arg(format!("--horizontal-pod-autoscaler-sync-period={}ms", autoscaler.as_millis()));
        // Short periods: tests await what a cluster does within a minute.
        command.arg("--pvclaimbinder-sync-period=1s");
        command.args(["--namespace-sync-period=10s", "--enable-hostpath-provisioner=true"]);
        // kwok renews its nodes' leases, late when a test keeps both cores busy.
        command.args(["--node-monitor-grace-period=600s"]);
        command.arg("--service-account-private-key-file").arg(&self.service_account_key);
        command.arg("--root-ca-file").arg(&self.authority);
        ("kube-controller-manager", command)
    }

    fn scheduler(&self, program: &Path) -> (&'static str, Command) {
        let mut command = Command::new(program);
        command.args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"]);
        ("kube-scheduler", command)
    }

    fn kwok(&self, program: &Path) -> (&'static str, Command) {
        let mut command = Command::new(program);
        // Without a home of its own it would read and write the user's.
        command.env("HOME", &self.folder).args(["--manage-all-nodes", "--node-lease-duration-seconds=120"]);
        command.args(["--cidr=10.128.0.0/16", "--node-ip=10.127.0.1"]);
        command.arg("--config").arg(workspace().join("libs/testkit/servers/stages.yaml"));
        ("kwok", command)
    }
}

async fn start_etcd(program: &Path, folder: &Path) -> (String, Process) {
    let (url, peers) = (format!("http://127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", free_port()));
    let mut command = Command::new(program);
    command.args(["--name=test", "--log-level=warn", "--unsafe-no-fsync"]).arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("test={peers}")]);
    let process = Process::start("etcd", command, &folder.join("etcd.log"));
    let probe =
        || async { http().get(format!("{url}/health")).send().await.and_then(reqwest::Response::error_for_status) };
    process.ready(STARTED, probe).await;
    (url, process)
}

fn start_api_server(programs: &Programs, folder: &Path, pki: &Pki, etcd: &str, port: u16) -> Process {
    let mut command = Command::new(&programs.api_server);
    command.args(["--bind-address=127.0.0.1", "--secure-port", &port.to_string(), "--etcd-servers", etcd]);
    command.args(["--endpoint-reconciler-type=none", "--authorization-mode=RBAC", "--allow-privileged=true"]);
    command
        .args(["--service-cluster-ip-range=10.96.0.0/12", "--service-account-issuer=https://kubernetes.default.svc"]);
    // The default range of 2,768 ports is for all Services of a test run's NodePort and LoadBalancer type.
    command.args(["--service-node-port-range=30000-32767", "--profiling=false"]);
    command.args(["--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User"]);
    command
        .args(["--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-"]);
    if programs.controllers.is_none() {
        // Nobody makes the ServiceAccount `default` that this plug-in asks for.
        command.arg("--disable-admission-plugins=ServiceAccount");
    }
    for (flag, file) in [
        ("--tls-cert-file", "server.crt"),
        ("--tls-private-key-file", "server.key"),
        ("--client-ca-file", "ca.crt"),
        ("--service-account-key-file", "service-accounts.crt"),
        ("--service-account-signing-key-file", "service-accounts.key"),
        // Aggregated API servers are told by these who calls.
        ("--requestheader-client-ca-file", "ca.crt"),
        ("--proxy-client-cert-file", "front-proxy.crt"),
        ("--proxy-client-key-file", "front-proxy.key"),
    ] {
        command.arg(flag).arg(pki.file(file));
    }
    Process::start("kube-apiserver", command, &folder.join("kube-apiserver.log"))
}
