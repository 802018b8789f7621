//! Starts the servers and the services.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use client::{Client, Upload};
use domain::{Revision, SourceFile, State, TaskStatus, Tenant, access::Policy, access::Scope};
use tempfile::TempDir;
use testkit::{Gateway, Kubernetes, Options, Process, RabbitMq, RedisCluster, S3, free_port, http, until};

use super::rights;

/// How long a service may take to become ready: eight debug builds start on two busy cores.
const READY: Duration = Duration::from_secs(90);
/// What the services show each other.
const INTERNAL: &str = "0123456789abcdef0123456789abcdef";
/// The services, each in two replicas.
pub const SERVICES: [&str; 4] = ["entrypoint", "yaml-manager", "cluster-applier", "status-worker"];

/// The servers.
pub struct Servers {
    pub rabbit: RabbitMq,
    pub redis: RedisCluster,
    pub s3: S3,
    pub kube: Kubernetes,
}

/// One replica of a service.
pub struct Replica {
    pub service: &'static str,
    pub process: Process,
    pub url: String,
}

/// The line, with one tenant who has one namespace.
pub struct Platform {
    pub servers: Servers,
    pub replicas: Vec<Replica>,
    /// The tenant's client.
    pub client: Client,
    /// The tenant's token.
    pub token: String,
    pub namespace: &'static str,
    _gateway: Gateway,
    _folder: TempDir,
}

impl Servers {
    /// Starts them; `None`, and said, where one is not installed.
    pub async fn start(brokers: usize) -> Option<Self> {
        let rabbit = RabbitMq::start(brokers).await?;
        let redis = RedisCluster::start().await?;
        let s3 = S3::start().await?;
        Some(Self { rabbit, redis, s3, kube: Kubernetes::start(Options::default()).await? })
    }

    fn environment(&self, kubeconfig: &Path, admin: &str, otlp: Option<&str>) -> BTreeMap<&'static str, String> {
        let brokers: Vec<_> = (0..self.rabbit.nodes()).map(|node| self.rabbit.url(node)).collect();
        let options = format!(
            "endpoint={},access_key_id={},secret_access_key={},region={},allow_http=true",
            self.s3.url(),
            self.s3.key(),
            self.s3.secret(),
            self.s3.region()
        );
        let mut variables = BTreeMap::from([
            ("MAREA_AMQP", brokers.join(",")),
            ("MAREA_REDIS", self.redis.url()),
            ("MAREA_BLOBS", self.s3.bucket("marea")),
            ("MAREA_BLOBS_OPTIONS", options),
            ("MAREA_ADMIN_TOKEN", admin.to_owned()),
            ("MAREA_INTERNAL_TOKEN", INTERNAL.to_owned()),
            ("MAREA_KUBECONFIG", kubeconfig.display().to_string()),
        ]);
        variables.extend(otlp.map(|url| ("MAREA_OTLP", url.to_owned())));
        variables
    }
}

impl Platform {
    /// Starts everything and makes the tenant; `None`, and said, where a server is not installed.
    pub async fn start(brokers: usize, otlp: Option<&str>) -> Option<Self> {
        bootstrap::install_tls();
        let servers = Servers::start(brokers).await?;
        let namespace = "team-a";
        servers.kube.namespace(namespace).await;
        rights::grant(&servers.kube.client().await, namespace).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (_, token) = bootstrap::issue("root".parse().expect("a name"), [], None, String::new());
        let logs = folder.path().to_owned();
        let environment = servers.environment(&servers.kube.kubeconfig_as(rights::APPLIER, &[]), token.expose(), otlp);
        let replicas = start_services(&environment, namespace, &logs);
        for replica in &replicas {
            let url = format!("{}/readyz", replica.url);
            replica.process.ready(READY, || async { ready(&url).await }).await;
        }
        let urls = |service| replicas.iter().filter(move |r| r.service == service).map(|r| r.url.clone()).collect();
        let gateway = Gateway::start(&[("/status", urls("status-worker")), ("/", urls("entrypoint"))]).await;
        let admin =
            Client::new(&gateway.url, Some(token.expose().to_owned())).expect("a URL").patient(Duration::from_secs(60));
        let token = tenant(&admin, namespace).await;
        let client = admin.with_token(Some(token.clone()));
        Some(Self { servers, replicas, client, token, namespace, _gateway: gateway, _folder: folder })
    }

    /// Sends files as a new task.
    pub async fn post(&self, name: &str, files: Vec<SourceFile>) -> String {
        let upload = Upload { files, name: Some(name.parse().expect("a name")), ..Upload::default() };
        self.client.submit(&upload).await.expect("the task is taken").id.to_string()
    }

    /// Waits until a task's revision, its highest, is in one of these states.
    pub async fn reaches(&self, task: &str, revision: Revision, states: &[State], within: Duration) -> TaskStatus {
        let look = || async {
            let status = self.client.status(task).await.map_err(|e| e.to_string())?;
            match status.desired_revision == revision && states.contains(&status.state) {
                true => Ok(status),
                false => Err(format!("{status:#?}")),
            }
        };
        until(task, within, look).await.unwrap_or_else(|e| panic!("{e}\nlogs: {}", self.tails()))
    }

    /// The last lines of every service's log.
    pub fn tails(&self) -> String {
        self.replicas.iter().map(|r| format!("--- {} {}\n{}\n", r.service, r.url, r.process.tail())).collect()
    }

    /// What is left queued, without what waits in delays for tasks that run.
    pub async fn queued(&self) -> u64 {
        let depths = self.servers.rabbit.depths(0, "%2F").await.expect("the broker answers");
        depths.iter().filter(|q| !q.queue.contains(".delay.")).map(|q| q.ready + q.unacknowledged).sum()
    }
}

fn start_services(environment: &BTreeMap<&str, String>, namespace: &str, logs: &Path) -> Vec<Replica> {
    let applier_port = free_port();
    let mut replicas = vec![];
    for service in SERVICES {
        for number in 0..2 {
            let port = if (service, number) == ("cluster-applier", 0) { applier_port } else { free_port() };
            let mut command = Command::new(binary(service));
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MAREA_")) {
                command.env_remove(name);
            }
            command.envs(environment).env("MAREA_LISTEN", format!("127.0.0.1:{port}"));
            if service == "cluster-applier" {
                command.env("MAREA_WATCH_NAMESPACES", namespace);
            } else {
                command.env_remove("MAREA_KUBECONFIG");
            }
            if matches!(service, "entrypoint" | "status-worker") {
                command.env("MAREA_APPLIER_URL", format!("http://127.0.0.1:{applier_port}"));
            }
            let name = format!("{service}-{number}");
            let process = Process::start(&name, command, &logs.join(format!("{name}.log")));
            replicas.push(Replica { service, process, url: format!("http://127.0.0.1:{port}") });
        }
    }
    replicas
}

/// A service's binary, which stands beside `marea`'s.
fn binary(service: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_marea")).with_file_name(service);
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}

async fn ready(url: &str) -> Result<(), String> {
    let answer = http().get(url).send().await.map_err(|e| e.to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
}

/// Makes the tenant and a token of it.
async fn tenant(admin: &Client, namespace: &str) -> String {
    let tenant = Tenant {
        name: "team-a".parse().expect("a name"),
        namespaces: vec![namespace.to_owned()],
        every_namespace: false,
        policy: Policy::Baseline,
        service_account: Some(rights::RUNNER.to_owned()),
        ..Tenant::local()
    };
    admin.put_tenant(&tenant).await.expect("an administrator may make a tenant");
    let scopes = [Scope::Read, Scope::Write];
    admin.create_token("team-a", &scopes, None, "test").await.expect("a token").token
}
