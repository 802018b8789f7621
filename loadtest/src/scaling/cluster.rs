//! Everything that runs, from etcd to the services' processes.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use client::Client;
use domain::{Tenant, access::Scope};
use serde_json::json;
use testkit::{Folder, Gateway, Kubernetes, Mongo, Options, Process, RabbitMq, RedisCluster, S3, free_port, until};
use tokio::process::Command;

use super::{
    observe::Observer,
    overlay::{self, Addresses},
    pods::Pods,
    prometheus::{self, Prometheus},
};

/// As the manifests' readers know it: Kubernetes' own default.
const AUTOSCALER_PERIOD: Duration = Duration::from_secs(15);
/// Until every service has a pod whose process is ready.
const STARTED: Duration = Duration::from_secs(180);
/// The tenant of the overlay.
const TENANT: &str = "demo";

/// A running installation. Fields drop in this order: nobody outlives what it talks to.
pub struct Cluster {
    /// With a token that may send tasks and cast ballots.
    pub client: Client,
    /// That token.
    pub token: String,
    /// With the operator's token.
    pub admin: Client,
    /// That token.
    pub admin_token: String,
    /// The API server.
    pub kubernetes: Kubernetes,
    /// The processes of the pods.
    pub pods: Pods,
    /// Who writes replicas down.
    pub observer: Observer,
    /// Where metrics are.
    pub prometheus: Prometheus,
    /// The address of all services.
    pub front: Arc<Gateway>,
    _adapter: Process,
    servers: (RabbitMq, RedisCluster, Mongo, S3),
    _folder: Folder,
}

impl Cluster {
    /// Starts all of it, with autoscalers or with one pod a service for ever.
    pub async fn start(scaled: bool) -> Result<Self> {
        let folder = Folder::new("scaling");
        let options = Options { autoscaler_period: AUTOSCALER_PERIOD, ..Options::default() };
        let (kubernetes, rabbit, redis, mongo, s3) = tokio::join!(
            Kubernetes::start(options),
            RabbitMq::start(1),
            RedisCluster::start(),
            Mongo::start(),
            S3::start()
        );
        let kubernetes = kubernetes.context("no Kubernetes")?;
        let servers = (
            rabbit.context("no RabbitMQ")?,
            redis.context("no Redis")?,
            mongo.context("no MongoDB")?,
            s3.context("no S3")?,
        );
        servers.3.bucket("marea");
        let front = Arc::new(Gateway::start(&[]).await);
        let addresses = addresses(&servers, &front);
        overlay::apply(&kubernetes, folder.path(), &addresses, scaled)?;
        let broker = servers.0.metrics(0).trim_start_matches("http://");
        let prometheus = Prometheus::start(folder.path(), broker).await?;
        let adapter = prometheus::adapter(&kubernetes, folder.path(), &prometheus.url, addresses.adapter_port)?;
        let pods = Pods::follow(&kubernetes, folder.path(), Arc::clone(&front)).await?;
        let observer = Observer::start(kubernetes.client().await, pods.clone());
        until("a ready process of each service", STARTED, || async { pods.each_ready() })
            .await
            .map_err(anyhow::Error::msg)?;
        let (admin, client, token) = tenant(&front.url, &addresses.admin_token).await?;
        Ok(Self {
            client,
            token,
            admin,
            admin_token: addresses.admin_token,
            kubernetes,
            pods,
            observer,
            prometheus,
            front,
            _adapter: adapter,
            servers,
            _folder: folder,
        })
    }
}

impl Cluster {
    /// Messages in a service's queues, as the broker itself says it.
    pub async fn depth(&self, service: &str) -> Result<f64> {
        let queues = self.servers.0.depths(0, "%2f").await.map_err(anyhow::Error::msg)?;
        let is_its = |name: &str| match service {
            "tally" => name.starts_with("marea.ballots."),
            _ => name.strip_prefix("marea.") == Some(service),
        };
        let depths = queues.iter().filter(|queue| is_its(&queue.queue)).map(|q| q.ready + q.unacknowledged);
        Ok(depths.sum::<u64>() as f64)
    }

    /// The broker's address.
    pub fn amqp(&self) -> String {
        self.servers.0.url(0)
    }

    /// Has the broker stand still.
    pub fn pause_broker(&self) {
        self.servers.0.pause(0);
    }

    /// Has it go on.
    pub fn resume_broker(&self) {
        self.servers.0.resume(0);
    }

    /// Runs kubectl in the platform's namespace, to its end.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::from(self.kubernetes.kubectl().context("no kubectl")?);
        let output = command.args(["--namespace", "marea"]).args(arguments).output().await?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        eprintln!("scaling: kubectl {}", arguments.join(" "));
        Ok(())
    }
}

fn addresses((rabbit, redis, mongo, s3): &(RabbitMq, RedisCluster, Mongo, S3), front: &Gateway) -> Addresses {
    Addresses {
        amqp: rabbit.url(0),
        redis: redis.url(),
        mongo: mongo.url("marea"),
        blobs_options: format!(
            "aws_endpoint={},aws_region={},aws_allow_http=true,aws_access_key_id={},aws_secret_access_key={}",
            s3.url(),
            s3.region(),
            s3.key(),
            s3.secret()
        ),
        front: front.url.clone(),
        adapter_port: free_port(),
        // Of the form that tokens have; the servers end with this run.
        admin_token: format!("mrt_{}_{}", "0123456789ab", "0123456789abcdef".repeat(4)),
    }
}

/// Makes the tenant as `k8s/README.md` says it, and a token of its.
async fn tenant(front: &str, admin: &str) -> Result<(Client, Client, String)> {
    let admin = Client::new(front, Some(admin.to_owned()))?.patient(Duration::from_secs(30));
    let tenant: Tenant =
        serde_json::from_value(json!({"name": TENANT, "namespaces": [TENANT], "service_account": "marea-runner"}))?;
    admin.put_tenant(&tenant).await.context("no tenant")?;
    let scopes = [Scope::Read, Scope::Write, Scope::Ballots];
    let token = admin.create_token(TENANT, &scopes, None, "load").await.context("no token")?.token;
    let client = admin.with_token(Some(token.clone()));
    Ok((admin, client, token))
}
