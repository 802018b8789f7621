//! How many POSTs a second are accepted.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use blobs::object::{ObjectBlobs, Options};
use messaging::rabbitmq::{Config, RabbitMq};

use crate::{
    bare,
    cpu::Spent,
    report::Row,
    up::{Up, service},
    wrk,
};

/// Connections that post at a time: enough that commits and confirms are shared.
const CONNECTIONS: u32 = 128;
/// One ConfigMap: the smallest task. The script gives each its name: an object belongs to one task.
const BODY: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\ndata:\n  key: value\n";

/// In `marea up`, durable, with everything behind it running.
pub async fn in_up(seconds: u32) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let up = Up::start(&[]).await?;
    let before = up.seconds();
    let load = post(&up.url, folder.path(), seconds).await?;
    eprintln!(
        "post-up: {:.0} µs of a core a POST, with all that is behind it",
        load.micros_each(up.seconds() - before)
    );
    drop(up);
    let time = Duration::from_secs(seconds.into());
    let bare = bare::inserts(&folder.path().join("bare"), BODY.as_bytes(), CONNECTIONS as usize, time).await?;
    Ok(vec![row(
        "POST /yaml accepted, `marea up`, durable",
        load,
        "durable inserts, no HTTP",
        bare,
        "≥ 5,000/s",
        5_000.0,
    )])
}

/// By entrypoint over one broker, with records in a folder. Nobody consumes, so that the edge is measured alone.
pub async fn over_a_broker(seconds: u32) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let rabbit = testkit::RabbitMq::start(1).await.context("no RabbitMQ")?;
    let redis = testkit::RedisCluster::start().await.context("no Redis")?;
    let blobs = format!("file://{}", folder.path().join("records").display());
    let variables = [
        ("MAREA_AMQP", rabbit.url(0)),
        ("MAREA_REDIS", redis.url()),
        ("MAREA_BLOBS", blobs.clone()),
        ("MAREA_ACCESS", "local".to_owned()),
        ("MAREA_INTERNAL_TOKEN", "0123456789abcdef0123456789abcdef".to_owned()),
    ];
    let (entrypoint, url) = service("entrypoint", &variables, folder.path()).await?;
    let before = Spent::now();
    let load = post(&url, folder.path(), seconds).await?;
    eprintln!("post-broker: {}", Spent::now().each(&before, load.requests as usize));
    drop(entrypoint);
    let blobs = ObjectBlobs::open(&blobs, &Options::default())?;
    let bus = RabbitMq::connect(Config::new(rabbit.url(0))).await?;
    let time = Duration::from_secs(seconds.into());
    let bare = bare::records_and_messages(&blobs, &bus, BODY.as_bytes(), CONNECTIONS as usize, time).await?;
    let what = "POST /yaml accepted, one RabbitMQ node, records in a folder";
    Ok(vec![row(what, load, "record and confirm, no HTTP", bare, "≥ 2,000/s", 2_000.0)])
}

async fn post(url: &str, folder: &Path, seconds: u32) -> Result<wrk::Load> {
    let body = folder.join("body.yaml");
    std::fs::write(&body, BODY)?;
    let run = wrk::Run { script: "post.lua", input: ("BODY", &body), connections: CONNECTIONS, seconds };
    wrk::run(url, &run).await
}

fn row(what: &str, load: wrk::Load, kind: &str, bare: f64, goal: &'static str, least: f64) -> Row {
    let failed = if load.failed > 0 { format!(", {} failed", load.failed) } else { String::new() };
    Row {
        what: what.to_owned(),
        ours: format!(
            "{:.0}/s, p50 {:.1} ms, p99 {:.1} ms{failed}",
            load.rate(),
            load.p50 as f64 / 1e3,
            load.p99 as f64 / 1e3
        ),
        bare: format!("{kind}: {bare:.0}/s"),
        ratio: format!("{:.2}", load.rate() / bare),
        goal,
        met: load.rate() >= least,
    }
}
