//! Runs wrk, the load generator, and reads what it measured.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

/// What one run of wrk measured. Latencies are in microseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Load {
    /// Requests answered.
    pub requests: u64,
    /// How long the run took.
    pub micros: u64,
    /// Requests that failed, or were answered with another status than was wanted.
    pub failed: u64,
    /// The median.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
}

impl Load {
    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        self.requests.saturating_sub(self.failed) as f64 * 1e6 / self.micros as f64
    }

    /// Microseconds of a core for each request, of so many seconds that were spent on all.
    pub fn micros_each(&self, seconds: f64) -> f64 {
        seconds * 1e6 / self.requests as f64
    }
}

/// How wrk is to be run.
pub struct Run<'a> {
    /// The script, below `loadtest/wrk`.
    pub script: &'a str,
    /// The environment variable that the script reads, and its value.
    pub input: (&'a str, &'a Path),
    /// Connections held open.
    pub connections: u32,
    /// Seconds of load.
    pub seconds: u32,
}

/// Sends load to a server on loopback.
pub async fn run(url: &str, run: &Run<'_>) -> Result<Load> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrk").join(run.script);
    let mut command = Command::new("wrk");
    command.args(["-t1", "--timeout", "10s", "-c", &run.connections.to_string()]);
    command.args(["-d", &format!("{}s", run.seconds), "-s"]).arg(script).arg(url);
    command.env(run.input.0, run.input.1).kill_on_drop(true);
    let output = command.output().await.context("wrk is not installed (apt-get install wrk)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().rev().find(|l| l.starts_with('{')).context("wrk printed no result")?;
    Ok(serde_json::from_str(line)?)
}
