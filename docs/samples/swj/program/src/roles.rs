//! The three roles.

use std::{pin::pin, time::Duration};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, future, stream};
use lapin::{message::Delivery, options::BasicAckOptions};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Settings,
    chunk::{self, Count, Plan},
    queue::Queues,
    store::{Store, result},
};

/// Publishes in flight: the broker writes a window of them to disk at once.
const WINDOW: usize = 100;
/// How often `join` looks itself, in case that a message about a result was lost with its worker.
const LOOK: Duration = Duration::from_secs(2);

/// Writes the plan and queues every chunk that has no result yet.
pub async fn split(settings: &Settings) -> Result<()> {
    let store = Store::open(&settings.blobs_url, &settings.run)?;
    store.create("plan", &Plan { samples: settings.samples, chunks: settings.chunks.max(1) }).await?;
    let plan: Plan = store.get("plan").await?.context("the plan is gone")?;
    let queues = Queues::connect(&settings.amqp_url, &settings.run).await?;
    let publish = async |chunk| match store.get::<Count>(&result(chunk)).await? {
        Some(_) => Ok(()),
        None => queues.publish("work", chunk).await,
    };
    stream::iter(0..plan.chunks).map(publish).buffer_unordered(WINDOW).try_collect::<()>().await?;
    println!("split {} samples into {} chunks", plan.samples, plan.chunks);
    Ok(())
}

/// Works on chunks until SIGTERM; what is in hand is finished first.
pub async fn work(settings: &Settings) -> Result<()> {
    let store = Store::open(&settings.blobs_url, &settings.run)?;
    let queues = Queues::connect(&settings.amqp_url, &settings.run).await?;
    let mut chunks = queues.consume("work").await?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        let stop = pin!(terminate.recv());
        let next = match future::select(chunks.next(), stop).await {
            future::Either::Left((next, _)) => next,
            future::Either::Right(_) => return Ok(()),
        };
        handle(&store, &queues, next.context("the broker closed the queue")??).await?;
    }
}

/// Effect, then the message about it, then the acknowledgement: a crash between repeats, and repeating is harmless.
async fn handle(store: &Store, queues: &Queues, delivery: Delivery) -> Result<()> {
    let plan: Plan = store.get("plan").await?.context("no plan: was `split` run?")?;
    let chunk: u32 = std::str::from_utf8(&delivery.data)?.parse()?;
    if store.get::<Count>(&result(chunk)).await?.is_none() {
        let count = tokio::task::spawn_blocking(move || plan.draw(chunk)).await?;
        store.create(&result(chunk), &count).await?;
    }
    queues.publish("done", chunk).await?;
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
}

/// Waits until every result is there, writes the sum and returns the estimate of π.
pub async fn join(settings: &Settings) -> Result<f64> {
    let store = Store::open(&settings.blobs_url, &settings.run)?;
    let queues = Queues::connect(&settings.amqp_url, &settings.run).await?;
    let mut done = queues.consume("done").await?;
    let plan = loop {
        let plan: Option<Plan> = store.get("plan").await?;
        match plan {
            Some(plan) if store.count("results").await? >= plan.chunks as usize => break plan,
            _ => {
                if let Ok(next) = tokio::time::timeout(LOOK, done.next()).await {
                    next.context("the broker closed the queue")??.ack(BasicAckOptions::default()).await?;
                }
            }
        }
    };
    let read = async |chunk| store.get::<Count>(&result(chunk)).await?.context("a result is gone");
    let counts: Vec<Count> = stream::iter(0..plan.chunks).map(read).buffered(WINDOW).try_collect().await?;
    let pi = chunk::estimate(&counts);
    store.create("sum", &pi).await?;
    println!("π ≈ {pi} from {} samples in {} chunks", plan.samples, plan.chunks);
    Ok(pi)
}
