//! How long a task takes from POST to DONE.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use client::{Client, Upload};
use domain::{SourceFile, State};

use crate::{
    bare::cluster,
    cpu::Spent,
    line::Line,
    report::{Row, percentile},
    up::Up,
};

/// Tasks a measurement, one after another.
const TASKS: usize = 60;
/// The first ones fill connections and caches, and are left out.
const WARM: usize = 10;
/// Repetitions of the sample, which runs for seconds.
const SAMPLES: usize = 5;
/// Longest a task may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Five passive objects in `marea up`.
pub async fn in_up() -> Result<Vec<Row>> {
    let up = Up::start(&[]).await?;
    let mut millis = tasks(&Client::new(&up.url, None)?).await?;
    let (p50, p99) = (percentile(&mut millis, 50.0), percentile(&mut millis, 99.0));
    Ok(vec![Row {
        what: "POST → DONE of five ConfigMaps, `marea up`".into(),
        ours: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        bare: "–".into(),
        ratio: "–".into(),
        goal: "p50 ≤ 50 ms",
        met: p50 <= 50.0,
    }])
}

/// Five passive objects and the SWJ sample on the real API server.
pub async fn on_the_api_server() -> Result<Vec<Row>> {
    let line = Line::start().await?;
    let before = Spent::now();
    let mut ours = tasks(&line.client).await?;
    eprintln!("five objects, rolled back again: {}", Spent::now().each(&before, TASKS));
    let mut bare = cluster::five_applies(&line.kubernetes.client().await, TASKS, WARM).await?;
    let (p50, bare) = (percentile(&mut ours, 50.0), percentile(&mut bare, 50.0));
    let passive = Row {
        what: "POST → DONE of five ConfigMaps, API server 1.35".into(),
        ours: format!("p50 {p50:.1} ms"),
        bare: format!("five sequential applies: p50 {bare:.1} ms"),
        ratio: format!("{:.1}", p50 / bare),
        goal: "p50 ≤ 50 ms and ≤ 4×",
        met: p50 <= 50.0 && p50 <= 4.0 * bare,
    };
    let (mut ours, mut bare) = (vec![], vec![]);
    let files = sample()?;
    for _ in 0..SAMPLES {
        ours.push(one(&line.client, files.clone()).await?);
        bare.push(cluster::apply_and_watch(&line.kubernetes.client().await, &files).await?);
    }
    let (ours, bare) = (percentile(&mut ours, 50.0), percentile(&mut bare, 50.0));
    Ok(vec![
        passive,
        Row {
            what: "POST → DONE of the SWJ sample, API server 1.35, kwok".into(),
            ours: format!("p50 {ours:.0} ms"),
            bare: format!("applies and watches: p50 {bare:.0} ms"),
            ratio: format!("+{:.0} ms", ours - bare),
            goal: "≤ 250 ms over",
            met: ours - bare <= 250.0,
        },
    ])
}

async fn tasks(client: &Client) -> Result<Vec<f64>> {
    let mut millis = vec![];
    for number in 0..TASKS {
        let objects =
            |part| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b{number}-{part}\ndata:\n  k: v\n");
        let content = (0..5).map(objects).collect::<Vec<_>>().join("---\n");
        let taken = one(client, vec![SourceFile { name: "five.yaml".into(), content }]).await?;
        if number >= WARM {
            millis.push(taken);
        }
    }
    Ok(millis)
}

/// Milliseconds from POST to DONE, as a client that long-polls sees it; the task is rolled back afterwards.
async fn one(client: &Client, files: Vec<SourceFile>) -> Result<f64> {
    let began = Instant::now();
    let id = client.submit(&Upload { files, ..Upload::default() }).await?.id.to_string();
    ended(client, &id, State::Done).await?;
    let millis = began.elapsed().as_secs_f64() * 1e3;
    client.delete(&id).await?;
    ended(client, &id, State::RolledBack).await?;
    Ok(millis)
}

async fn ended(client: &Client, id: &str, wanted: State) -> Result<()> {
    let began = Instant::now();
    let mut version = 0;
    while began.elapsed() < WITHIN {
        let status = client.status_after(id, version, Duration::from_secs(10)).await?;
        if status.state == wanted {
            return Ok(());
        }
        ensure!(!status.state.is_final() || wanted == State::RolledBack, "{id} ended as {}", status.state.as_str());
        version = status.version;
    }
    anyhow::bail!("{id} did not become {} in time", wanted.as_str())
}

/// The sample's files.
fn sample() -> Result<Vec<SourceFile>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples/swj");
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
            files.push(SourceFile { name, content: std::fs::read_to_string(&path)? });
        }
    }
    Ok(files)
}
