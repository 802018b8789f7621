//! The counting step alone: entries of the ledger into counters in a Redis Cluster.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contests::{Batch, Entry, Verdict};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use state::tallies::{RedisTallies, Tallies};
use testkit::RedisCluster;

use crate::{
    contest::{ballots, batches},
    cpu::Spent,
    report::{NO_GOAL, Row},
};

/// Ballots a second that are asked for.
const GOAL: f64 = 300_000.0;
/// Entries of one round, as the combiner takes them.
const ROUND: usize = 64;
/// Rounds at a time, as the combiner has them.
const ABREAST: usize = 2;
/// Different ballots.
const BALLOTS: usize = 10_000;

/// Counts for so many seconds at the goal.
pub async fn measure(seconds: u32) -> Result<Row> {
    let redis = RedisCluster::start().await.context("no Redis")?;
    let tallies = RedisTallies::connect(&redis.url()).await?;
    let definition = contests::samples::bands();
    let count = (GOAL * f64::from(seconds)) as usize / batches::BALLOTS;
    let bodies = batches::make(&definition, &ballots(BALLOTS), count)?;
    let entry = |body: &bytes::Bytes| {
        let batch = Batch::decode(body)?;
        anyhow::Ok(Entry::fold(&definition, &batch, &vec![Verdict::Counted; batch.casts.len()])?)
    };
    let entries: Vec<Entry> = bodies.iter().map(entry).collect::<Result<_>>()?;
    let until = Timestamp::now() + SignedDuration::from_mins(10);
    let (before, began) = (Spent::now(), Instant::now());
    let rounds = stream::iter(entries.chunks(ROUND).map(|round| tallies.apply(1, round, until)));
    rounds.buffer_unordered(ABREAST).try_for_each(|_| futures::future::ready(Ok(()))).await?;
    let time: Duration = began.elapsed();
    let spent = Spent::now();
    let total = (count * batches::BALLOTS) as f64;
    let each = |program: &str| (spent.of(program) - before.of(program)) * 1e6 / total;
    let rate = total / time.as_secs_f64();
    Ok(Row {
        what: format!("{total:.0} ballots, the counting step alone, Redis Cluster, batches of {}", batches::BALLOTS),
        ours: format!(
            "{rate:.0} ballots/s, CPU {:.1} + {:.1} ms a 1,000 (Redis)",
            each("loadtest"),
            each("redis-server")
        ),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "≥ 300,000/s",
        met: rate >= GOAL,
    })
}
