//! What the contest line's scenarios share: ballots, ingest over a broker, what both spend.

pub mod batches;
pub mod paced;
pub mod peer;

use std::{fmt::Write as _, path::Path};

use anyhow::{Context, Result};
use contests::{Definition, generate::Generator};
use tempfile::TempDir;
use testkit::{Process, RabbitMq, RedisCluster};

use crate::{
    cpu::{self, Spent},
    report::{NO_GOAL, Row},
    up::service,
};

/// Ballots of the sample contest `bands`, as JSON: the same in every run.
pub fn ballots(count: usize) -> Vec<String> {
    let definition = contests::samples::bands();
    lines(&definition, count)
}

fn lines(definition: &Definition, count: usize) -> Vec<String> {
    let made = Generator::new(definition, 1, 0).take(count);
    made.map(|line| String::from_utf8(line.json()).expect("JSON is UTF-8")).collect()
}

/// Writes ballots down, one a line.
pub fn write(path: &Path, ballots: &[String]) -> Result<()> {
    let mut text = String::new();
    ballots.iter().try_for_each(|ballot| writeln!(text, "{ballot}"))?;
    Ok(std::fs::write(path, text)?)
}

/// Broker, Redis and records that the services of the line need.
pub struct Servers {
    /// The broker.
    pub rabbit: RabbitMq,
    /// The counters.
    pub redis: RedisCluster,
    /// Where records and logs are.
    pub folder: TempDir,
}

impl Servers {
    /// Starts them, with so many broker nodes.
    pub async fn start(nodes: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let rabbit = RabbitMq::start(nodes).await.context("no RabbitMQ")?;
        let redis = RedisCluster::start().await.context("no Redis")?;
        Ok(Self { rabbit, redis, folder })
    }

    /// The settings that name them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let urls: Vec<String> = (0..self.rabbit.nodes()).map(|node| self.rabbit.url(node)).collect();
        vec![
            ("MAREA_AMQP", urls.join(",")),
            ("MAREA_REDIS", self.redis.url()),
            ("MAREA_BLOBS", format!("file://{}", self.folder.path().join("records").display())),
            ("MAREA_ACCESS", "local".to_owned()),
            ("MAREA_INTERNAL_TOKEN", "0123456789abcdef0123456789abcdef".to_owned()),
        ]
    }

    /// Ingest over them, with the sample contests.
    pub async fn ingest(&self) -> Result<(Process, String)> {
        let mut variables = self.variables();
        variables.push(("MAREA_SAMPLES", "true".to_owned()));
        variables.push(("MAREA_DRAW_KEY", "0123456789abcdef0123456789abcdef".to_owned()));
        service("ingest", &variables, self.folder.path()).await
    }
}

/// Seconds of a core that a service and the broker have spent.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    service: f64,
    broker: f64,
}

impl Cores {
    /// Until now; `pid` is the service's.
    pub fn now(pid: u32) -> Self {
        Self { service: cpu::seconds(pid), broker: Spent::now().of("beam.smp") }
    }

    /// Milliseconds for each thousand of so many since then, of the service and of the broker.
    pub fn a_thousand(self, since: Self, count: u64) -> String {
        let each = |seconds: f64| seconds * 1e6 / count.max(1) as f64;
        format!("CPU {:.1} + {:.1} ms", each(self.service - since.service), each(self.broker - since.broker))
    }
}

/// The most memory that a process had resident.
pub fn memory(what: String, pid: u32) -> Result<Row> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(Row {
        what: format!("memory of {what}, at most"),
        ours: format!("{:.0} MB", kibibytes * 1.024e-3),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "≤ 100 MB",
        met: kibibytes * 1.024e-3 <= 100.0,
    })
}
