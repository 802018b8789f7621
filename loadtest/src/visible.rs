//! How long a vote takes from its cast until standings show it, in `marea up` under a constant load; and the same where a
//! thousand follow the standings.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
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

/// Votes a second beside the marked ones, and who follows the standings beside the one who looks for those.
const LOADS: [(f64, usize); 2] = [(10_000.0, 0), (1_000.0, 1_000)];
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
    let mut rows = Vec::new();
    for (rate, followers) in LOADS {
        rows.extend(under(rate, followers, seconds.max(3)).await?);
    }
    Ok(rows)
}

async fn under(rate: f64, followers: usize, seconds: u32) -> Result<Vec<Row>> {
    let up = Up::start(&[]).await?;
    let (marks, votes) = (Arc::new(Marks::default()), ballots(VOTES));
    let pace = Pace { rate, connections: CONNECTIONS, seconds };
    let following = tokio::spawn(follow(up.url.clone(), marks.clone()));
    let told = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    (0..followers).for_each(|_| drop(crowd.spawn(listen(up.url.clone(), told.clone()))));
    let awaiting = Instant::now();
    while told.load(Ordering::Relaxed) < followers {
        ensure!(awaiting.elapsed() < WITHIN, "not all who follow were told the first standings");
        tokio::time::sleep(PAUSE).await;
    }
    let (before, already) = (up.seconds(), told.load(Ordering::Relaxed));
    let casting = marks.cast(&up.url, Duration::from_secs(pace.seconds.into()));
    let (load, ()) = tokio::try_join!(paced::run(&up.url, &votes, pace), casting)?;
    let (spent, told) = (up.seconds() - before, told.load(Ordering::Relaxed) - already);
    let awaiting = Instant::now();
    while !marks.waiting.lock().await.is_empty() {
        ensure!(awaiting.elapsed() < WITHIN && !following.is_finished(), "a marked vote never showed");
        tokio::time::sleep(PAUSE).await;
    }
    following.abort();
    ensure!(crowd.try_join_next().is_none(), "a stream of standings ended");
    let millis = std::mem::take(&mut *marks.millis.lock().await);
    let seconds = f64::from(seconds);
    let crowd = match followers {
        0 => String::new(),
        // A count of events is far below 2^52.
        _ => format!(", {followers} follow, {:.0} standings/s", told as f64 / seconds),
    };
    let rows = vec![row(&load, rate, &crowd, millis, spent * 1e6 / (rate * seconds))];
    let memory =
        memory(format!("`marea up`, all services, under that load{crowd}"), up.process.pid().context("it ended")?)?;
    Ok(rows.into_iter().chain([Row { goal: NO_GOAL, ..memory }]).collect())
}

fn row(load: &Paced, wanted: f64, crowd: &str, mut millis: Vec<f64>, cores: f64) -> Row {
    let (p50, p99) = (percentile(&mut millis, 50.0), percentile(&mut millis, 99.0));
    let marked = format!("p50 {p50:.0} ms, p99 {p99:.0} ms of {} votes", millis.len());
    let Paced { rate, p99: answered, failed, .. } = load;
    Row {
        what: format!("cast → visible in standings, `marea up`, durable, at {rate:.0} votes/s{crowd}"),
        ours: format!("{marked}; 202 p99 {answered:.1} ms, {failed} failed, CPU {cores:.0} ms a 1,000"),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "p99 ≤ 100 ms",
        met: p99 <= 100.0 && *failed == 0 && *rate >= 0.99 * wanted,
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

/// Counts the events of the stream of standings; ends with an error only.
async fn listen(url: String, told: Arc<AtomicUsize>) -> Result<()> {
    let request = http().get(format!("{url}/contests/bands/standings?tally=bands"));
    let mut answer = request.header("accept", "text/event-stream").send().await?.error_for_status()?;
    // An event comes as one piece, or its last piece ends with an empty line.
    while let Some(chunk) = answer.chunk().await? {
        if chunk.ends_with(b"\n\n") {
            told.fetch_add(1, Ordering::Relaxed);
        }
    }
    anyhow::bail!("the stream ended")
}
