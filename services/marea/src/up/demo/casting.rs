//! Ballots, cast as voters and judges would: one a request, over the public interface.

use std::time::Duration;

use client::{CastAnswer, Client, Error};
use contests::{
    Definition,
    generate::{Generator, Line},
    samples,
};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Between two votes: 100 a second.
const VOTES_EVERY: Duration = Duration::from_millis(10);
/// Between two scores: 30 a second.
const SCORES_EVERY: Duration = Duration::from_micros(33_333);
/// What the ballots are drawn from: the same in every demo.
const SEED: u64 = 1;
/// For how long ballots are cast: a demo that nobody stops must not fill the disk.
const CAST_FOR: Duration = Duration::from_secs(30 * 60);
/// Requests at a time.
const REQUESTS: usize = 32;
/// How long one is sent again; each has an id of its own, so that it counts once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Casts in both sample contests.
pub async fn run(client: &Client) {
    let client = client.clone().patient(PATIENCE);
    let (bands, olympics) = (samples::bands(), samples::olympics());
    tokio::join!(cast(&client, &bands, VOTES_EVERY), cast(&client, &olympics, SCORES_EVERY));
}

async fn cast(client: &Client, definition: &Definition, every: Duration) {
    let run = uuid::Uuid::now_v7();
    let ballots =
        Generator::new(definition, SEED, 0).zip(0_u64..).map(move |(line, n)| body(line, &format!("{run}.{n}")));
    let mut ticks = interval(every);
    // A computer that slept is not to be made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let paced = stream::unfold((ticks, ballots), async |(mut ticks, mut ballots)| {
        ticks.tick().await;
        Some((ballots.next()?, (ticks, ballots)))
    });
    let sent = paced.take_until(sleep(CAST_FOR)).map(|ballot| client.cast(&definition.name, ballot));
    let mut told = false;
    let mut answers = std::pin::pin!(sent.buffer_unordered(REQUESTS));
    while let Some(answer) = answers.next().await {
        tell(&answer, &mut told);
    }
}

fn body(line: Line, id: &str) -> Vec<u8> {
    match line {
        Line::Ballot(mut ballot) | Line::Refused(mut ballot) => {
            ballot.insert("id".to_owned(), id.into());
            Value::Object(ballot).to_string().into_bytes()
        }
        Line::Broken(bytes) => bytes,
    }
}

/// Once: what follows says nothing new.
fn tell(answer: &Result<CastAnswer, Error>, told: &mut bool) {
    if let Err(error) = answer
        && !std::mem::replace(told, true)
    {
        tracing::warn!(%error, "a ballot of the demo was not taken");
    }
}
