//! Bare clients: the least that anybody would have to do for the same promise.

pub mod cluster;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use blobs::Blobs;
use bytes::Bytes;
use embedded::Database;
use futures::{StreamExt, TryStreamExt, stream};
use messaging::{Bus, Message, Route, topology::YAML_MANAGER};

/// Durable inserts a second into the embedded database by so many writers: no HTTP, no queue.
pub async fn inserts(folder: &Path, body: &[u8], writers: usize, time: Duration) -> Result<f64> {
    let database = Database::open(folder)?;
    database.create("CREATE TABLE IF NOT EXISTS bare (body BLOB NOT NULL) STRICT").await?;
    let insert = || {
        let (database, body) = (database.clone(), body.to_vec());
        async move {
            let insert = move |t: &rusqlite::Transaction<'_>| t.execute("INSERT INTO bare VALUES (?1)", [body]);
            database.write(insert).await.map(drop).context("insert")
        }
    };
    rate(writers, time, insert).await
}

/// Records created durably and messages confirmed, a second, by so many writers: no HTTP.
pub async fn records_and_messages<B: Blobs, M: Bus>(
    blobs: &B,
    bus: &M,
    body: &[u8],
    writers: usize,
    time: Duration,
) -> Result<f64> {
    let one = || async {
        // The same path: a folder is made for each task.
        let key = format!("bare/tasks/{}/000001/command", domain::TaskId::new());
        blobs.create(&key, Bytes::copy_from_slice(body)).await?;
        let now = jiff::Timestamp::now();
        let message = Message::event("bare", key.clone(), key, now, &"");
        bus.publish(&Route::Queue(&YAML_MANAGER), message).await.context("publish")
    };
    rate(writers, time, one).await
}

/// How often a second `one` is done by so many side by side.
pub async fn rate<F>(workers: usize, time: Duration, one: impl Fn() -> F) -> Result<f64>
where
    F: Future<Output = Result<()>>,
{
    let began = Instant::now();
    let worker = || async {
        let mut done = 0_u64;
        while began.elapsed() < time {
            one().await?;
            done += 1;
        }
        anyhow::Ok(done)
    };
    let counts: Vec<u64> = stream::iter(0..workers).map(|_| worker()).buffer_unordered(workers).try_collect().await?;
    Ok(counts.iter().sum::<u64>() as f64 / began.elapsed().as_secs_f64())
}
