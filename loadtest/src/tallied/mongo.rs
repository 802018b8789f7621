//! The service over real servers: RabbitMQ, Redis Cluster, and MongoDB's stand-in beside bare inserts into it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use messaging::rabbitmq::{self, RabbitMq};
use mongodb::{
    Client, IndexModel,
    bson::{Binary, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, WriteConcern},
};
use testkit::{Mongo, http};
use uuid::Uuid;

use crate::{
    contest::{Cores, Servers, ballots, batches, memory},
    report::Row,
    up::service,
};

/// Ballots a second that the stand-in takes at most, about; for so many the queue is filled.
const RATE: usize = 4_000;
/// Documents of a bare insert.
const CHUNK: usize = 1_000;
/// Bare inserts at a time, as many as tally's.
const ABREAST: usize = 2;
/// Different ballots.
const BALLOTS: usize = 10_000;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Longest that counting may stand still.
const STILL: Duration = Duration::from_secs(30);

/// Rate and memory of the service, and the bare rate.
pub async fn measure(seconds: u32) -> Result<Vec<Row>> {
    let servers = Servers::start(1).await?;
    let mongo = Mongo::start().await.context("no stand-in for MongoDB")?;
    let plain = inserts(&mongo.url("plain"), RATE * seconds as usize, false).await?;
    let before = inserts(&mongo.url("before"), RATE * seconds as usize, true).await?;
    let total = fill(&servers, seconds).await?;
    let mut variables = servers.variables();
    variables.push(("MAREA_MONGO", mongo.url("marea")));
    let (process, url) = service("tally", &variables, servers.folder.path()).await?;
    let pid = process.pid().context("tally ended")?;
    let (first, began, idle) = (counted(&url).await?, Instant::now(), Cores::now(pid));
    let mut last = (first, Instant::now());
    while last.0 < total {
        tokio::time::sleep(LOOK).await;
        let now = counted(&url).await?;
        if now > last.0 {
            last = (now, Instant::now());
        }
        ensure!(last.1.elapsed() < STILL, "{} of {total} were counted: {}", last.0, process.tail());
    }
    let rate = (total - first) as f64 / began.elapsed().as_secs_f64();
    let cores = Cores::now(pid).a_thousand(idle, total - first);
    let after = inserts(&mongo.url("after"), RATE * seconds as usize, true).await?;
    let mean = before.midpoint(after);
    let row = Row {
        what: format!("{total} ballots, queue → logged and counted, RabbitMQ, Redis, MongoDB's stand-in"),
        ours: format!("{rate:.0} ballots/s, {cores} a 1,000"),
        bare: format!(
            "bare unordered inserts of 1,000 with the log's index, before and after: {before:.0}/s, {after:.0}/s; \
             with no index: {plain:.0}/s"
        ),
        ratio: format!("{:.2}", rate / mean),
        goal: "≥ 0.8",
        met: rate >= 0.8 * mean,
    };
    Ok(vec![row, memory("tally under that load".into(), pid)?])
}

/// How many ballots the queue was filled with.
async fn fill(servers: &Servers, seconds: u32) -> Result<u64> {
    let definition = contests::samples::bands();
    let records = bootstrap::records(&bootstrap::Platform {
        blobs: format!("file://{}", servers.folder.path().join("records").display()),
        ..bootstrap::Platform::default()
    })?;
    records.put_definition(&definition).await?;
    let bus = RabbitMq::connect(rabbitmq::Config::new(servers.rabbit.url(0))).await?;
    let count = RATE * seconds as usize / batches::BALLOTS;
    let bodies = batches::make(&definition, &ballots(BALLOTS), count)?;
    batches::publish(&bus, &definition, &bodies).await?;
    Ok((count * batches::BALLOTS) as u64)
}

async fn counted(url: &str) -> Result<u64> {
    let answer = http().get(format!("{url}/contests/bands/standings?tally=bands&top=1")).send().await?;
    let standings: serde_json::Value = answer.error_for_status()?.json().await?;
    standings["totals"]["counted"].as_u64().context("no totals")
}

/// Rows as tally logs them, by the driver alone; with the index by which a log is read newest first, or with none, which
/// nobody could read in any order.
async fn inserts(url: &str, count: usize, indexed: bool) -> Result<f64> {
    let client = Client::with_uri_str(url).await?;
    let database = client.default_database().context("no database")?;
    let rows = database.collection::<Document>("ballots");
    if indexed {
        let newest = IndexModel::builder().keys(doc! { "contest": 1, "time": -1, "_id": -1 }).build();
        rows.create_index(newest).await?;
    }
    let journaled = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let chunks: Vec<Vec<Document>> = (0..count / CHUNK).map(|_| (0..CHUNK).map(document).collect()).collect();
    let began = Instant::now();
    let inserting = chunks.iter().map(|chunk| {
        let insert = rows.insert_many(chunk).ordered(false).write_concern(journaled.clone());
        async move { insert.await.map(drop) }
    });
    stream::iter(inserting).buffer_unordered(ABREAST).try_collect::<()>().await?;
    Ok((count / CHUNK * CHUNK) as f64 / began.elapsed().as_secs_f64())
}

fn document(position: usize) -> Document {
    let (id, batch) = (Uuid::now_v7().to_string(), Uuid::now_v7());
    doc! {
        "_id": format!("bands//{id}"), "contest": "bands", "caller": "", "id": id,
        "time": mongodb::bson::DateTime::now(),
        "batch": Binary { subtype: BinarySubtype::Uuid, bytes: batch.as_bytes().to_vec() },
        "position": position as i64,
        "digest": Binary { subtype: BinarySubtype::Generic, bytes: batch.as_bytes().to_vec() },
        "fields": { "name": "The Beatles", "album": "Abbey Road", "year": 1969_i64, "rank": 5_i64 },
    }
}
