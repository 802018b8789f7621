//! How many statuses a second are read, at random among many: first while most were never read, then once all were.

use std::{fmt::Write as _, path::Path, sync::Arc};

use anyhow::Result;
use domain::{Fact, FactBody, TaskId, fact::CommandKind};
use embedded::Database;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use state::{States, embedded::EmbeddedStates};
use testkit::http;

use crate::{
    report::{NO_GOAL, Row},
    up::Up,
    wrk,
};

/// Connections that read at a time.
const CONNECTIONS: u32 = 64;
/// Facts added at a time.
const BATCH: usize = 1_000;
/// What is asked of reads once all were read before.
const GOAL: f64 = 30_000.0;

/// What a run measured, and the microseconds of a core that the server took for each request.
struct Measured {
    load: wrk::Load,
    micros: f64,
}

/// Fills a data folder with finished tasks, serves it, and reads.
pub async fn measure(count: usize, seconds: u32) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let ids = fill(&folder.path().join("data"), count).await?;
    let list = folder.path().join("ids");
    std::fs::write(&list, &ids)?;
    let up = Up::start_on(folder.path(), &[]).await?;
    let cold = run(&up, "status.lua", &list, seconds).await?;
    let empty = run(&up, "livez.lua", &list, seconds).await?;
    read_each(&up.url, &ids).await?;
    let warm = run(&up, "status.lua", &list, seconds).await?;
    let bare = run(&up, "livez.lua", &list, seconds).await?;
    eprintln!("status: {:.0} MiB resident with {count} statuses read", up.memory()?);
    let what = format!("GET /status of random ones among {count} tasks, `marea up`");
    Ok(vec![
        Row { goal: NO_GOAL, ..row(format!("{what}, most of them read for the first time"), &cold, &empty) },
        row(format!("{what}, each read before"), &warm, &bare),
    ])
}

fn row(what: String, read: &Measured, bare: &Measured) -> Row {
    let (rate, p99) = (read.load.rate(), read.load.p99 as f64 / 1e3);
    Row {
        what,
        ours: format!("{rate:.0}/s, p99 {p99:.1} ms, {:.0} µs of a core each", read.micros),
        bare: format!("GET /livez of the same process: {:.0}/s, {:.0} µs", bare.load.rate(), bare.micros),
        ratio: format!("{:.2}", rate / bare.load.rate()),
        goal: "≥ 30,000/s",
        met: rate >= GOAL,
    }
}

async fn run(up: &Up, script: &str, ids: &Path, seconds: u32) -> Result<Measured> {
    let before = up.seconds();
    let load = wrk::run(&up.url, &wrk::Run { script, input: ("IDS", ids), connections: CONNECTIONS, seconds }).await?;
    Ok(Measured { load, micros: load.micros_each(up.seconds() - before) })
}

/// Reads every status once.
async fn read_each(url: &str, ids: &str) -> Result<()> {
    let client = http();
    let read = |id: &str| {
        let request = client.get(format!("{url}/status/{id}"));
        async move { request.send().await?.error_for_status()?.bytes().await.map(drop) }
    };
    let reads = stream::iter(ids.lines().map(read)).buffer_unordered(CONNECTIONS as usize);
    Ok(reads.try_collect::<()>().await?)
}

/// Gives the ids, a line each.
async fn fill(folder: &Path, count: usize) -> Result<String> {
    let states: Arc<dyn States> = Arc::new(EmbeddedStates::open(Database::open(folder)?).await?);
    let mut ids = String::new();
    for first in (0..count).step_by(BATCH) {
        let tasks: Vec<TaskId> = (first..count.min(first + BATCH)).map(|_| TaskId::new()).collect();
        tasks.iter().try_for_each(|id| writeln!(ids, "{id}"))?;
        let facts: Vec<Fact> = tasks.into_iter().flat_map(life).collect();
        states.add(&facts).await?;
    }
    Ok(ids)
}

fn life(task: TaskId) -> Vec<Fact> {
    let fact = |body| Fact {
        tenant: "local".parse().expect("a label"),
        task,
        name: domain::TaskName::generated(task),
        revision: 1,
        time: Timestamp::now(),
        body,
    };
    vec![
        fact(FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }),
        fact(FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }),
        fact(FactBody::ApplyStarted { objects: 1 }),
        fact(FactBody::Applied { observed: 1, objects: vec![], kept: vec![], warnings: vec![] }),
    ]
}
