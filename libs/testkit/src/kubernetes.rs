//! Kubernetes: etcd, the real API server, and where wanted its controllers, scheduler and nodes of kwok.

mod control_plane;
mod pki;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use self::control_plane::ControlPlane;
use self::pki::Pki;
use crate::http::tls;
use crate::{Folder, Process, programs, shared};

/// Administrator's group: it may do all.
const MASTERS: &str = "system:masters";

/// What runs beside the API server.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Controller-manager (garbage collector, HPA, …), scheduler and kwok. Without them the API server
    /// starts in half the time and nothing acts on objects by itself.
    pub controllers: bool,
    /// Nodes of kwok, each as large as 1,000 pods.
    pub nodes: usize,
    /// Between two looks of the controller that scales.
    pub autoscaler_period: Duration,
}

impl Default for Options {
    fn default() -> Self {
        // A short period: tests await what a cluster does within a minute.
        Self { controllers: true, nodes: 3, autoscaler_period: Duration::from_secs(1) }
    }
}

impl Options {
    /// etcd and the API server, nothing else.
    pub fn api_server_only() -> Self {
        Self { controllers: false, nodes: 0, ..Self::default() }
    }
}

/// A Kubernetes cluster whose containers do not run.
#[derive(Debug)]
pub struct Kubernetes {
    server: String,
    folder: PathBuf,
    pki: Pki,
    plane: Option<ControlPlane>,
    _own: Option<Folder>,
}

impl Kubernetes {
    /// A cluster of one's own. `None`, and said, where its programs are not installed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(options: Options) -> Option<Self> {
        let programs = control_plane::Programs::find(options.controllers)?;
        let own = Folder::new("kubernetes");
        let folder = own.path().to_owned();
        let pki = Pki::create(&folder);
        let (server, plane) = ControlPlane::start(programs, &folder, &pki).await;
        let mut cluster = Self { server, folder, pki, plane: None, _own: Some(own) };
        let admin = cluster.kubeconfig();
        plane.await_api_server(&cluster.client().await).await;
        cluster.plane = Some(plane.with_controllers(&admin, options));
        world::create(&cluster.client().await, options.nodes).await;
        // Last, so that a folder with this file is a whole cluster.
        std::fs::write(cluster.folder.join("server"), &cluster.server).expect("a folder of our own is writable");
        Some(cluster)
    }

    /// The whole cluster that all tests of a binary, or of the whole run, share: use a namespace of one's own.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Kubernetes>> = OnceCell::const_new();
        SHARED.get_or_init(shared_once).await.as_ref()
    }

    /// The API server's URL.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The folder that another process finds this cluster by ([`shared::KUBERNETES`]).
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_as("admin", &[MASTERS])
    }

    /// A kubeconfig of any user: by a client certificate, so without rights beyond those RBAC gives to the
    /// user and the groups. `system:serviceaccount:<namespace>:<name>` is a ServiceAccount.
    pub fn kubeconfig_as(&self, user: &str, groups: &[&str]) -> PathBuf {
        self.pki.kubeconfig(&self.server, user, groups)
    }

    /// `kubectl` of the cluster's version, as an administrator. `None`, and said, where it is not installed.
    pub fn kubectl(&self) -> Option<Command> {
        let [program] = programs::find(["kubectl"])?;
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.kubeconfig());
        Some(command)
    }

    /// A client of an administrator. It never retries by itself. It belongs to the test's runtime.
    pub async fn client(&self) -> Client {
        client(&self.kubeconfig()).await
    }

    /// A client of any user, as [`Kubernetes::kubeconfig_as`].
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Client {
        client(&self.kubeconfig_as(user, groups)).await
    }

    /// Makes a namespace, ready for pods.
    ///
    /// # Panics
    /// Where it exists or cannot be made.
    pub async fn namespace(&self, name: &str) {
        world::namespace(&self.client().await, name).await;
    }

    /// The API server's process, to be killed, paused and restarted.
    ///
    /// # Panics
    /// In a cluster from the environment, which is for sharing.
    pub fn api_server(&self) -> &Process {
        &self.own_plane().api_server
    }

    /// Awaits the API server after a restart.
    ///
    /// # Panics
    /// Where it does not answer within the time.
    pub async fn await_ready(&self) {
        self.own_plane().await_api_server(&self.client().await).await;
    }

    fn own_plane(&self) -> &ControlPlane {
        let plane = self.plane.as_ref();
        plane.expect("a cluster from the environment is for sharing; use Kubernetes::start to kill its parts")
    }
}

async fn shared_once() -> Option<Kubernetes> {
    let Some([folder]) = shared::list(shared::KUBERNETES).and_then(|list| <[String; 1]>::try_from(list).ok()) else {
        return Kubernetes::start(Options::default()).await;
    };
    let folder = PathBuf::from(folder);
    let server = std::fs::read_to_string(folder.join("server"));
    let server = server.unwrap_or_else(|e| panic!("{} names no running cluster: {e}", shared::KUBERNETES));
    Some(Kubernetes { server, pki: Pki::open(&folder), folder, plane: None, _own: None })
}

async fn client(kubeconfig: &Path) -> Client {
    tls();
    let file = Kubeconfig::read_from(kubeconfig).expect("our own kubeconfig is readable");
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    let mut config = config.expect("our own kubeconfig is whole");
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    Client::try_from(config).expect("certificates that openssl wrote can be read")
}
