//! The line on real servers: one broker, one Redis Cluster, a folder, the API server; one replica a service.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use client::{Client, Upload};
use domain::{SourceFile, State};
use futures::{TryStreamExt, stream};
use tempfile::TempDir;
use testkit::{Gateway, Kubernetes, Options, Process, RabbitMq, RedisCluster};

use crate::{bare::cluster, cpu::Spent, report::Row, up::service};

/// Tasks that are posted side by side.
const POSTS: usize = 32;
/// The bare client's workers.
const WORKERS: usize = 16;
/// Longest the whole may take.
const WITHIN: Duration = Duration::from_secs(120);

/// The servers and services.
pub struct Line {
    /// Speaks to entrypoint and status-worker.
    pub client: Client,
    /// The cluster that tasks go to.
    pub kubernetes: Kubernetes,
    _servers: (RabbitMq, RedisCluster),
    _services: Vec<Process>,
    _gateway: Gateway,
    _folder: TempDir,
}

impl Line {
    /// Starts all of it.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let rabbit = RabbitMq::start(1).await.context("no RabbitMQ")?;
        let redis = RedisCluster::start().await.context("no Redis")?;
        let kubernetes = Kubernetes::start(Options::default()).await.context("no Kubernetes")?;
        let variables = [
            ("MAREA_AMQP", rabbit.url(0)),
            ("MAREA_REDIS", redis.url()),
            ("MAREA_BLOBS", format!("file://{}", folder.path().join("records").display())),
            ("MAREA_ACCESS", "local".to_owned()),
            ("MAREA_INTERNAL_TOKEN", "0123456789abcdef0123456789abcdef".to_owned()),
        ];
        let mut with_cluster = variables.to_vec();
        with_cluster.push(("MAREA_KUBECONFIG", kubernetes.kubeconfig().display().to_string()));
        let (applier, _) = service("cluster-applier", &with_cluster, folder.path()).await?;
        let (manager, _) = service("yaml-manager", &variables, folder.path()).await?;
        let (entrypoint, entry) = service("entrypoint", &variables, folder.path()).await?;
        let (status, statuses) = service("status-worker", &variables, folder.path()).await?;
        let gateway = Gateway::start(&[("/status", vec![statuses]), ("/", vec![entry])]).await;
        Ok(Self {
            client: Client::new(&gateway.url, None)?,
            kubernetes,
            _servers: (rabbit, redis),
            _services: vec![applier, manager, entrypoint, status],
            _gateway: gateway,
            _folder: folder,
        })
    }
}

/// Tasks of one object a second, from the first POST until the last is DONE.
pub async fn measure(count: usize) -> Result<Vec<Row>> {
    let line = Line::start().await?;
    run(&line, "warm", count / 10).await?;
    let before = Spent::now();
    let ours = run(&line, "task", count).await?;
    let between = Spent::now();
    let bare = cluster::tasks(&line.kubernetes.client().await, WORKERS, count).await?;
    eprintln!("line: {}", between.each(&before, count));
    eprintln!("bare: {}", Spent::now().each(&between, count));
    Ok(vec![Row {
        what: format!("{count} tasks of one object, POST → DONE, real servers"),
        ours: format!("{ours:.0}/s"),
        bare: format!("the same API calls at concurrency 16: {bare:.0}/s"),
        ratio: format!("{:.2}", ours / bare),
        goal: "≥ 150/s and ≥ 0.6",
        met: ours >= 150.0 && ours >= 0.6 * bare,
    }])
}

async fn run(line: &Line, prefix: &str, count: usize) -> Result<f64> {
    let began = Instant::now();
    let post = |number: usize| async move {
        let content = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {prefix}-{number}\ndata:\n  k: v\n");
        let files = vec![SourceFile { name: "one.yaml".into(), content }];
        let id = line.client.submit(&Upload { files, ..Upload::default() }).await?.id;
        anyhow::Ok(id.to_string())
    };
    let ids: Vec<String> =
        futures::StreamExt::buffer_unordered(futures::StreamExt::map(stream::iter(0..count), post), POSTS)
            .try_collect()
            .await?;
    for id in &ids {
        let mut version = 0;
        loop {
            let status = line.client.status_after(id, version, Duration::from_secs(1)).await?;
            version = status.version;
            if status.state == State::Done {
                break;
            }
            ensure!(began.elapsed() < WITHIN && !status.state.is_final(), "{id} is {}", status.state.as_str());
        }
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
