//! The load study: people who send tasks and votes, in growing numbers, with and without autoscalers.

use std::{collections::BTreeMap, fmt::Write as _, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{
    cluster::Cluster,
    observe::Sample,
    plot::{self, Line},
    pods::SERVICES,
    write,
};

/// People at a time; the published study's three steps, and five times the last.
const USERS: [u32; 4] = [5, 10, 40, 200];

/// One number of users.
#[derive(Debug, Serialize)]
struct Level {
    scaled: bool,
    users: u32,
    seconds: f64,
    requests: u64,
    failures: u64,
    /// Milliseconds of the 50th, 75th, 90th and 95th percentile.
    millis: [u64; 4],
    /// Most pods of each service meanwhile.
    pods: BTreeMap<String, i32>,
}

/// What Locust tells of one kind of request.
#[derive(Deserialize)]
pub struct Told {
    /// What was asked for.
    pub name: String,
    /// All of them.
    pub num_requests: u64,
    /// Those that were not answered as they should.
    pub num_failures: u64,
    start_time: f64,
    last_request_timestamp: Option<f64>,
    response_times: BTreeMap<String, u64>,
}

/// Runs it: each number of users for so many seconds, who wait that many seconds between two requests.
///
/// # Errors
/// Where something does not start, or Locust does not run.
pub async fn measure(seconds: u32, think: &str) -> Result<()> {
    let name = if think == "0,0" { "study-eager" } else { "study" };
    let (mut levels, mut samples) = (vec![], BTreeMap::new());
    for scaled in [false, true] {
        let cluster = Cluster::start(scaled).await?;
        for users in USERS {
            levels.push(level(&cluster, scaled, users, seconds, think).await?);
            eprintln!("study: {:?}", levels.last());
        }
        samples.insert(scaled, cluster.observer.samples());
    }
    write(&format!("{name}.json"), &serde_json::to_string(&(&levels, &samples))?)?;
    plot::replicas(&format!("{name}-replicas.svg"), &samples[&true])?;
    let percentile = |scaled, which: usize, named: &str| Line {
        name: format!("{named}, {}", if scaled { "up to five pods" } else { "one pod each" }),
        points: points(&levels, scaled, |level| level.millis[which] as f64),
    };
    let shown = [false, true].into_iter().flat_map(|s| [percentile(s, 0, "p50"), percentile(s, 3, "p95")]);
    plot::lines(&format!("{name}-latency.svg"), "milliseconds a request", &USERS, &shown.collect::<Vec<_>>())?;
    println!("{}", markdown(&levels));
    Ok(())
}

fn points(levels: &[Level], scaled: bool, of: impl Fn(&Level) -> f64) -> Vec<(f64, f64)> {
    let levels = levels.iter().filter(|level| level.scaled == scaled).enumerate();
    levels.map(|(number, level)| (number as f64, of(level))).collect()
}

async fn level(cluster: &Cluster, scaled: bool, users: u32, seconds: u32, think: &str) -> Result<Level> {
    let from = cluster.observer.now();
    let told = locust(cluster, users, seconds, think).await?;
    let samples = cluster.observer.samples();
    let meanwhile: Vec<&Sample> = samples.iter().filter(|sample| sample.at >= from).collect();
    let most = |service: &str| meanwhile.iter().map(|s| s.services[service].desired).max().unwrap_or_default();
    let mut times = BTreeMap::<u64, u64>::new();
    for (millis, count) in told.iter().flat_map(|told| &told.response_times) {
        *times.entry(millis.parse::<f64>()?.round() as u64).or_default() += count;
    }
    let began = told.iter().map(|told| told.start_time).fold(f64::MAX, f64::min);
    let ended = told.iter().filter_map(|told| told.last_request_timestamp).fold(0.0, f64::max);
    Ok(Level {
        scaled,
        users,
        seconds: ended - began,
        requests: told.iter().map(|told| told.num_requests).sum(),
        failures: told.iter().map(|told| told.num_failures).sum(),
        millis: [50, 75, 90, 95].map(|percent| percentile(&times, percent)),
        pods: SERVICES.map(|service| (service.to_owned(), most(service))).into(),
    })
}

fn percentile(times: &BTreeMap<u64, u64>, percent: u64) -> u64 {
    let wanted = (times.values().sum::<u64>() * percent).div_ceil(100);
    let mut seen = 0;
    let at = times.iter().find(|(_, count)| {
        seen += **count;
        seen >= wanted
    });
    at.map_or(0, |(millis, _)| *millis)
}

/// Runs Locust with that many people.
pub async fn locust(cluster: &Cluster, users: u32, seconds: u32, think: &str) -> Result<Vec<Told>> {
    let run = testkit::workspace().join("loadtest/locust/run");
    let mut command = Command::new(run);
    command.args(["--tasks", "--json", "--host", &cluster.front.url, "--think", think, "--exit-code-on-error", "0"]);
    command.args(["--users", &users.to_string(), "--spawn-rate", &users.to_string()]);
    command.args(["--run-time", &format!("{seconds}s"), "--stop-timeout", "10"]);
    command.env("MAREA_TOKEN", &cluster.token).stdout(Stdio::piped()).kill_on_drop(true);
    let output = command.spawn()?.wait_with_output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "locust failed: {text}");
    let json = text.find('[').map(|at| &text[at..]).context("locust told nothing")?;
    serde_json::from_str(json).with_context(|| format!("not what locust tells: {json}"))
}

fn markdown(levels: &[Level]) -> String {
    let mut text = String::from(
        "| pods | users | requests | failed | requests/s | p50 | p75 | p90 | p95 | most pods |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for level in levels {
        let pods: Vec<String> =
            level.pods.iter().filter(|(_, n)| **n > 1).map(|(service, n)| format!("{service} {n}")).collect();
        let [p50, p75, p90, p95] = level.millis;
        let failed = level.failures as f64 * 100.0 / level.requests.max(1) as f64;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {failed:.2} % | {:.1} | {p50} ms | {p75} ms | {p90} ms | {p95} ms | {} |",
            if level.scaled { "1 to 5" } else { "1" },
            level.users,
            level.requests,
            level.requests as f64 / level.seconds,
            if pods.is_empty() { "1 each".to_owned() } else { pods.join(", ") },
        );
    }
    text
}
