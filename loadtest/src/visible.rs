//! How long a vote takes from its cast until standings show it, in `marea up` under a constant load.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use testkit::http;
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    contest::{
        ballots, memory,
        paced::{self, Pace, Paced},
    },
    report::{NO_GOAL, Row, percentile},
    up::Up,
};

/// Votes a second beside the marked ones.
const RATE: f64 = 10_000.0;
/// Connections of the load.
const CONNECTIONS: usize = 256;
/// Between two marked votes.
const PAUSE: Duration = Duration::from_millis(23);
/// Different votes.
const VOTES: usize = 10_000;
/// Longest that a marked vote may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Marked votes: each has a name that it alone has.
#[derive(Default)]
struct Marks {
    /// When those were cast that do not show yet.
    waiting: Mutex<HashMap<String, Instant>>,
    /// Milliseconds until the others showed.
    millis: Mutex<Vec<f64>>,
}

/// Casts marked votes under load, and follows the stream of standings.
pub async fn measure(seconds: u32) -> Result<Vec<Row>> {
    let up = Up::start(&[]).await?;
    let (marks, votes) = (Arc::new(Marks::default()), ballots(VOTES));
    let before = up.seconds();
    let pace = Pace { rate: RATE, connections: CONNECTIONS, seconds: seconds.max(3) };
    let following = tokio::spawn(follow(up.url.clone(), marks.clone()));
    let casting = marks.cast(&up.url, Duration::from_secs(pace.seconds.into()));
    let (load, ()) = tokio::try_join!(paced::run(&up.url, &votes, pace), casting)?;
    let spent = up.seconds() - before;
    let awaiting = Instant::now();
    while !marks.waiting.lock().await.is_empty() {
        ensure!(awaiting.elapsed() < WITHIN && !following.is_finished(), "a marked vote never showed");
        tokio::time::sleep(PAUSE).await;
    }
    following.abort();
    let millis = std::mem::take(&mut *marks.millis.lock().await);
    let rows = vec![row(&load, millis, spent * 1e6 / (RATE * f64::from(pace.seconds)))];
    let memory = memory("`marea up`, all services, under that load".into(), up.process.pid().context("it ended")?)?;
    Ok(rows.into_iter().chain([Row { goal: NO_GOAL, ..memory }]).collect())
}

fn row(load: &Paced, mut millis: Vec<f64>, cores: f64) -> Row {
    let (p50, p99) = (percentile(&mut millis, 50.0), percentile(&mut millis, 99.0));
    let marked = format!("p50 {p50:.0} ms, p99 {p99:.0} ms of {} votes", millis.len());
    let Paced { rate, p99: answered, failed, .. } = load;
    Row {
        what: format!("cast → visible in standings, `marea up`, durable, at {rate:.0} votes/s"),
        ours: format!("{marked}; 202 p99 {answered:.1} ms, {failed} failed, CPU {cores:.0} ms a 1,000"),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "p99 ≤ 100 ms",
        met: p99 <= 100.0 && *failed == 0 && *rate >= 0.99 * RATE,
    }
}

impl Marks {
    /// Casts marked votes, counted from before each is sent, whether or not earlier ones were answered.
    async fn cast(&self, url: &str, time: Duration) -> Result<()> {
        let (began, mut casting) = (Instant::now(), JoinSet::new());
        for number in 0.. {
            tokio::time::sleep(PAUSE).await;
            if began.elapsed() >= time {
                break;
            }
            let name = format!("Marked {number:06}");
            let vote = serde_json::json!({"name": name, "album": "One", "year": 2000, "rank": 5});
            self.waiting.lock().await.insert(name, Instant::now());
            let request = http().post(format!("{url}/votes")).json(&vote);
            casting.spawn(async move { request.send().await?.error_for_status().map(drop) });
        }
        while let Some(cast) = casting.join_next().await {
            cast??;
        }
        Ok(())
    }

    /// Notes those that show.
    async fn note(&self, standings: &str) {
        let (mut waiting, mut millis) = (self.waiting.lock().await, self.millis.lock().await);
        waiting.retain(|name, cast| {
            let shows = standings.contains(name.as_str());
            if shows {
                millis.push(cast.elapsed().as_secs_f64() * 1e3);
            }
            !shows
        });
    }
}

/// Reads the stream of standings; each event ends with an empty line.
async fn follow(url: String, marks: Arc<Marks>) -> Result<()> {
    let request = http().get(format!("{url}/contests/bands/standings?tally=bands"));
    let mut answer = request.header("accept", "text/event-stream").send().await?.error_for_status()?;
    let mut buffer = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.windows(2).position(|w| w == b"\n\n") {
            let event: Vec<u8> = buffer.drain(..end + 2).collect();
            marks.note(&String::from_utf8_lossy(&event)).await;
        }
    }
    Ok(())
}
