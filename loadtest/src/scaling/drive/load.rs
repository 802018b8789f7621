//! The loads: a backlog before consumers that stand still, or requests at a pace.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use client::{Client, Upload};
use domain::SourceFile;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use testkit::{Process, http};
use tokio::task::JoinHandle;

use super::super::cluster::Cluster;
use crate::contest::{
    ballots,
    paced::{self, Pace},
};

/// Tasks that are posted side by side.
const POSTS: usize = 16;
/// Longest that requests are sent: their end is the autoscaler's answer.
const SECONDS: u32 = 170;
/// Connections of votes at a pace.
const CONNECTIONS: usize = 32;

/// Load on services.
pub struct Load {
    /// The services whose autoscalers are to answer.
    pub services: &'static [&'static str],
    kind: Kind,
}

enum Kind {
    /// The services' processes stand still (SIGSTOP), and so many tasks are sent.
    Tasks(usize),
    /// They stand still, and so many votes are cast one after the other.
    Votes(usize),
    /// Its own pages or records are read so often a second.
    Reads(u32),
    /// Votes of a rank that there is not are cast so often a second. They are read, checked and refused: who scales looks
    /// at requests, and a million votes that are accepted would keep `tally` at its most pods for the rest of the run.
    Casts(u32),
}

/// What loses its metric afterwards comes late, so that it is not down before.
pub static LOADS: [Load; 5] = [
    Load { services: &["tally"], kind: Kind::Votes(400) },
    Load { services: &["console"], kind: Kind::Reads(200) },
    Load { services: &["yaml-manager", "cluster-applier", "status-worker"], kind: Kind::Tasks(800) },
    Load { services: &["entrypoint"], kind: Kind::Reads(400) },
    Load { services: &["ingest"], kind: Kind::Casts(9_000) },
];

/// What ends with the load: sending, or standing still.
pub struct Acting {
    paused: Vec<Arc<Process>>,
    sending: Option<JoinHandle<()>>,
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.paused.iter().for_each(|process| process.resume());
        if let Some(sending) = &self.sending {
            sending.abort();
        }
    }
}

impl Load {
    /// The recorded series that a service's autoscaler looks at.
    pub fn query(&self, service: &str) -> String {
        match self.is_backlog() {
            true => format!("marea:service_queue_depth:sum{{service=\"{service}\"}}"),
            false => format!("avg(marea:pod_http_requests:rate1m{{service=\"{service}\"}})"),
        }
    }

    /// Whether it is messages that wait.
    pub fn is_backlog(&self) -> bool {
        matches!(self.kind, Kind::Tasks(_) | Kind::Votes(_))
    }

    /// Starts it.
    pub async fn start(&self, cluster: &Cluster) -> Result<Acting> {
        let stopped = if self.is_backlog() { self.services } else { &[] };
        let paused: Vec<_> = stopped.iter().flat_map(|service| cluster.pods.processes(service)).collect();
        paused.iter().for_each(|process| process.pause());
        let mut acting = Acting { paused, sending: None };
        match self.kind {
            Kind::Tasks(count) => {
                let client = cluster.client.clone();
                acting.sending = Some(sent(async move { tasks(&client, "backlog", count).await }));
            }
            Kind::Votes(count) => {
                let front = cluster.front.url.clone();
                acting.sending = Some(sent(async move { votes(&front, count).await }));
            }
            Kind::Reads(rate) => {
                let path = match self.services[0] {
                    "entrypoint" => format!("/yaml/{}", task(&cluster.client, "read", 0).await?),
                    _ => "/login".to_owned(),
                };
                acting.sending = Some(reads(format!("{}{path}", cluster.front.url), cluster.token.clone(), rate));
            }
            Kind::Casts(rate) => {
                let url = cluster.pods.urls(self.services[0]).pop().context("no pod is ready")?;
                let pace = Pace { rate: rate.into(), connections: CONNECTIONS, seconds: SECONDS };
                let refused: Vec<_> =
                    ballots(1_000).iter().map(|vote| vote.replace("\"rank\":", "\"rank\":1")).collect();
                acting.sending = Some(sent(async move { paced::run(&url, &refused, pace).await.map(drop) }));
            }
        }
        Ok(acting)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Tasks(count) => write!(f, "{count} tasks, the three's processes stand still"),
            Kind::Votes(count) => write!(f, "{count} votes, its process stands still"),
            Kind::Reads(rate) => write!(f, "{rate} reads/s"),
            Kind::Casts(rate) => write!(f, "{rate} votes/s, each refused"),
        }
    }
}

/// Sent while it is looked at. What fails is said: the autoscaler then has nothing to answer to.
fn sent(load: impl Future<Output = Result<()>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = load.await {
            eprintln!("scaling: load: {error:#}");
        }
    })
}

async fn tasks(client: &Client, prefix: &str, count: usize) -> Result<()> {
    let posts = stream::iter((0..count).map(|number| task(client, prefix, number)));
    posts.buffer_unordered(POSTS).try_for_each(async |_| Ok(())).await
}

/// A task of one ConfigMap; its id.
async fn task(client: &Client, prefix: &str, number: usize) -> Result<String> {
    let content = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {prefix}-{number}\ndata:\n  k: v\n");
    let files = vec![SourceFile { name: "one.yaml".into(), content }];
    Ok(client.submit(&Upload { files, ..Upload::default() }).await?.id.to_string())
}

/// One by one: side by side they would share a message.
async fn votes(front: &str, count: usize) -> Result<()> {
    for ballot in ballots(count) {
        let request = http().post(format!("{front}/votes")).header("content-type", "application/json").body(ballot);
        let answer = request.send().await?;
        ensure!(answer.status().as_u16() == 202, "a vote was answered {}", answer.text().await?);
    }
    Ok(())
}

/// Whatever is answered meanwhile; who scales looks at requests.
fn reads(url: String, token: String, rate: u32) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
        for _ in 0..rate * SECONDS {
            tick.tick().await;
            let request = http().get(&url).bearer_auth(&token).send();
            tokio::spawn(async move {
                // A refused read is no less a request.
                let _ = request.await;
            });
        }
    })
}
