//! `marea up` over a real broker, Redis Cluster and blob storage, killed in between.

use std::{path::Path, time::Duration};

use client::{Client, Upload};
use domain::{Health, Revision, State};
use futures::future::{join_all, try_join_all};
use testkit::{Process, RabbitMq, RedisCluster, S3, free_port, http, until};

use crate::{
    line::manifests::{config, job},
    program::command,
};

const WITHIN: Duration = Duration::from_secs(120);
const TASKS: usize = 12;

/// `marea up` over those parts; its cluster is the sandbox, in the data folder.
struct Up {
    process: Process,
    url: String,
}

impl Up {
    fn start(data: &Path, parts: &[String]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = command("");
        command.args(["up", "--listen", &address, "--data"]).arg(data).args(parts);
        let process = Process::start("marea up", command, &data.with_extension("log"));
        Self { process, url: format!("http://{address}") }
    }

    async fn ready(&self) {
        let (http, url) = (http(), format!("{}/readyz", self.url));
        let look = || async { http.get(&url).send().await?.error_for_status().map(drop) };
        self.process.ready(WITHIN, look).await;
    }

    async fn reaches(&self, client: &Client, id: &str, revision: Revision, state: State) {
        let look = || async {
            let status = client.status(id).await.map_err(|e| e.to_string())?;
            let is = status.desired_revision == revision && status.state == state && status.health == Health::Healthy;
            if is { Ok(()) } else { Err(format!("{status:#?}")) }
        };
        until(id, WITHIN, look).await.unwrap_or_else(|e| panic!("{e}\n{}", self.process.tail()));
    }
}

async fn submit(client: &Client, name: String) -> Result<String, client::Error> {
    let files = vec![config(&format!("{name}-map"), "1"), job(&format!("{name}-job"))];
    let upload = Upload { files, name: Some(name.parse().expect("a name")), ..Upload::default() };
    client.submit(&upload).await.map(|taken| taken.id.to_string())
}

/// Tasks are posted, done and rolled back, each time with a SIGKILL while they are under way.
async fn lives(name: &str, broker: &RabbitMq, redis: &RedisCluster, blobs: Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = vec!["--amqp".to_owned(), broker.vhost(name).await, "--redis".to_owned(), redis.url()];
    parts.extend(blobs);
    let up = Up::start(&folder.path().join("data"), &parts);
    up.ready().await;
    let client = Client::new(&up.url, None).expect("a URL").patient(WITHIN);
    let names = (0..TASKS).map(|number| format!("{name}-{number}"));
    let ids = try_join_all(names.map(|name| submit(&client, name))).await.expect("the tasks are taken");
    up.process.restart();
    join_all(ids.iter().map(|id| up.reaches(&client, id, 1, State::Done))).await;
    let (gone, left) = ids.split_at(TASKS / 2);
    try_join_all(gone.iter().map(|id| client.delete(id))).await.expect("the roll backs are taken");
    up.process.restart();
    join_all(gone.iter().map(|id| up.reaches(&client, id, 2, State::RolledBack))).await;
    join_all(left.iter().map(|id| up.reaches(&client, id, 1, State::Done))).await;
    let empty = || async {
        let depths = broker.depths(0, name).await?;
        let full: Vec<_> = depths.into_iter().filter(|q| q.ready + q.unacknowledged > 0).map(|q| q.queue).collect();
        if full.is_empty() { Ok(()) } else { Err(format!("{full:?}")) }
    };
    until("empty queues", WITHIN, empty).await.unwrap_or_else(|e| panic!("{e}\n{}", up.process.tail()));
    up.process.terminate();
    assert_eq!(up.process.ended(WITHIN).await, Ok(Some(0)), "{}", up.process.tail());
    broker.drop_vhost(name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_survive_kills_over_a_real_broker_redis_and_s3() {
    let Some((broker, redis)) = RabbitMq::shared().await.zip(RedisCluster::shared().await) else { return };
    let Some(s3) = S3::shared().await else { return };
    let pairs = [
        format!("endpoint={}", s3.url()),
        format!("access_key_id={}", s3.key()),
        format!("secret_access_key={}", s3.secret()),
        format!("region={}", s3.region()),
        "allow_http=true".to_owned(),
    ];
    let options = pairs.into_iter().flat_map(|pair| ["--blobs-option".to_owned(), pair]);
    let blobs = ["--blobs".to_owned(), s3.bucket("up-over-s3")].into_iter().chain(options).collect();
    lives("up-over-s3", broker, redis, blobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_survive_kills_over_a_real_broker_redis_and_a_folder() {
    let Some((broker, redis)) = RabbitMq::shared().await.zip(RedisCluster::shared().await) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = vec!["--blobs".to_owned(), format!("file://{}", folder.path().display())];
    lives("up-over-a-folder", broker, redis, blobs).await;
}
