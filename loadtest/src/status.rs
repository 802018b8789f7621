//! How many statuses a second are read, at random among many.

use std::{fmt::Write as _, sync::Arc};

use anyhow::Result;
use domain::{Fact, FactBody, TaskId, fact::CommandKind};
use embedded::Database;
use jiff::Timestamp;
use state::{States, embedded::EmbeddedStates};

use crate::{report::Row, up::Up, wrk};

/// Connections that read at a time.
const CONNECTIONS: u32 = 64;
/// Facts added at a time.
const BATCH: usize = 1_000;

/// Fills a data folder with finished tasks, serves it, and reads.
pub async fn measure(count: usize, seconds: u32) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let ids = fill(&folder.path().join("data"), count).await?;
    let list = folder.path().join("ids");
    std::fs::write(&list, ids)?;
    let up = Up::start_on(folder.path(), &[]).await?;
    let run = |script| wrk::Run { script, input: ("IDS", &list), connections: CONNECTIONS, seconds };
    let load = wrk::run(&up.url, &run("status.lua")).await?;
    let bare = wrk::run(&up.url, &run("livez.lua")).await?;
    Ok(vec![Row {
        what: format!("GET /status of random ones among {count} tasks, `marea up`"),
        ours: format!("{:.0}/s, p99 {:.1} ms", load.rate(), load.p99 as f64 / 1e3),
        bare: format!("GET /livez of the same process: {:.0}/s", bare.rate()),
        ratio: format!("{:.2}", load.rate() / bare.rate()),
        goal: "≥ 30,000/s",
        met: load.rate() >= 30_000.0,
    }])
}

/// Gives the ids, a line each.
async fn fill(folder: &std::path::Path, count: usize) -> Result<String> {
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
