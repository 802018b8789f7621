//! Everything in the embedded database, as in `marea up`: queue, log, ledger and counters, each commit durable.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::embedded::Database;
use anyhow::Result;
use ballots::embedded::EmbeddedBallots;
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context};
use contests::{Definition, Gate};
use domain::Tenant;
use messaging::embedded::EmbeddedBus;
use state::{embedded::EmbeddedStates, tallies::EmbeddedTallies};
use tally::{Config, Stores, Tally};
use tokio_util::sync::CancellationToken;

use crate::{
    contest::{ballots, batches},
    cpu,
    report::{NO_GOAL, Row},
};

/// Ballots a second that are asked for, and for which the queue is filled.
const GOAL: f64 = 60_000.0;
/// Different ballots.
const BALLOTS: usize = 10_000;
/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(20);

/// Fills the queue for so many seconds at the goal, then counts.
pub async fn measure(seconds: u32) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let (context, stores) = parts(folder.path()).await?;
    let definition = contests::samples::bands();
    context.records.put_definition(&definition).await?;
    let count = (GOAL * f64::from(seconds)) as usize / batches::BALLOTS;
    let filled = batches::make(&definition, &ballots(BALLOTS), count)?;
    batches::publish(&*context.bus, &definition, &filled).await?;
    let config = Config { listen: None, ..Config::default() };
    let tally = Tally::new(&context, stores, &config);
    let stop = CancellationToken::new();
    let (before, began) = (cpu::seconds(std::process::id()), Instant::now());
    let counting = {
        let (tally, stop) = (tally.clone(), stop.clone());
        tokio::spawn(async move { tally::count(&tally, &config, stop).await })
    };
    let total = count * batches::BALLOTS;
    counted(&tally, &definition, total as u64).await?;
    let (rate, spent) = (total as f64 / began.elapsed().as_secs_f64(), cpu::seconds(std::process::id()) - before);
    stop.cancel();
    counting.await?;
    Ok(Row {
        what: format!("{total} ballots, queue → logged and counted, all embedded, batches of {}", batches::BALLOTS),
        ours: format!("{rate:.0} ballots/s, CPU {:.1} ms a 1,000", spent * 1e6 / total as f64),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "≥ 60,000/s",
        met: rate >= GOAL,
    })
}

async fn parts(folder: &std::path::Path) -> Result<(Context, Stores)> {
    let database = Database::open(folder)?;
    let stores = Stores {
        ballots: Arc::new(EmbeddedBallots::open(database.clone()).await?),
        tallies: Arc::new(EmbeddedTallies::open(database.clone()).await?),
    };
    let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await?));
    let states = Arc::new(EmbeddedStates::open(database.clone()).await?);
    let bus = Arc::new(EmbeddedBus::open(database).await?);
    let access = Access::local(records.clone(), Tenant::local());
    Ok((Context::new("tally", bus, records, states, access), stores))
}

async fn counted(tally: &Tally, definition: &Definition, total: u64) -> Result<()> {
    let (definition, gate) = (Arc::new(definition.clone()), Gate::default());
    while tally.standing(definition.clone(), &gate).await?.counts.totals.counted < total {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
