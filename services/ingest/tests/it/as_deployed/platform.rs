//! Servers and processes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contests::{Definition, samples};
use futures::TryStreamExt as _;
use messaging::topology::DEAD_LETTER_QUEUE;
use mongodb::bson::{Document, doc};
use parking_lot::RwLock;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Mongo, RabbitMq, RedisCluster, Service};

/// A contest that counts three ballots of a voter, and shows who voted.
pub const LIMITED: &str = "name: limited
title: Three each
kind: votes
fields:
  choice: {type: string, values: [one, two, three]}
  weight: {type: integer, min: 1, max: 9}
tallies:
  choices: {by: [choice]}
  weights: {by: [choice], sum: weight}
voters: {required: true, max_ballots: 3}
";
/// Of a long run: the stand-in for MongoDB answers nobody while it counts hundreds of thousands of rows, half a minute, and
/// the driver would take it for dead; and at each write it looks through all writes before that the driver might send again,
/// a third of its time at a hundred a second by a profile.
const PATIENCE: &str = "&connectTimeoutMS=120000&heartbeatFrequencyMS=120000&retryWrites=false";
/// How many ballots of a voter count in [`LIMITED`].
pub const PLACES: usize = 3;

/// One process of a service's binary, on an address that it keeps.
pub type Replica = Arc<Service>;

/// Where the log of ballots is.
pub enum Log {
    /// In MongoDB's stand-in.
    Mongo(Box<Mongo>),
    /// In the data folder of the one process that takes ballots and counts them.
    Embedded,
}

/// The line.
pub struct Platform {
    pub rabbit: RabbitMq,
    pub redis: RedisCluster,
    pub log: Log,
    pub ingests: RwLock<Vec<Replica>>,
    pub tallies: Vec<Replica>,
    pub contests: Vec<Definition>,
    pub http: reqwest::Client,
    folder: TempDir,
    timing: Timing,
}

/// How long tally waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// `settle_seconds`: longer than any pause or fail-over of the run.
    pub settle: u64,
    /// `gone_seconds`: longer than any delivery of the run is with a consumer.
    pub gone: u64,
    /// Whether the log will have hundreds of thousands of rows.
    pub many: bool,
}

impl Timing {
    /// Settle and gone, as settings.
    fn seconds(self) -> [String; 2] {
        [self.settle, self.gone].map(|seconds| seconds.to_string())
    }
}

/// Numbers of queues and slots.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub votes: usize,
    pub others: usize,
    pub slots: u16,
}

impl Default for Spread {
    fn default() -> Self {
        Self { votes: 4, others: 2, slots: 8 }
    }
}

impl Platform {
    /// Starts everything; `None`, and said, where a server is not installed.
    pub async fn start(brokers: usize, timing: Timing) -> Option<Self> {
        bootstrap::install_tls();
        let embedded = std::env::var("TESTKIT_LOG").is_ok_and(|log| log == "embedded");
        let log = async {
            if embedded { Some(Log::Embedded) } else { Mongo::start().await.map(|mongo| Log::Mongo(Box::new(mongo))) }
        };
        let (rabbit, redis, log) = tokio::join!(RabbitMq::start(brokers), RedisCluster::start(), log);
        let (rabbit, redis, log) = (rabbit?, redis?, log?);
        let folder = tempfile::tempdir().unwrap();
        for name in ["contests", "records"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("contests/limited.yaml"), LIMITED).unwrap();
        let limited = Definition::parse(LIMITED).unwrap();
        let contests = samples::all().into_iter().chain([limited]).collect();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        let (ingests, tallies) = (RwLock::default(), vec![]);
        let mut line = Self { rabbit, redis, log, ingests, tallies, contests, http, folder, timing };
        let both = || line.ingest(Spread::default());
        let (ingests, tallies) = match &line.log {
            Log::Mongo(mongo) => (vec![both(), both()], vec![line.tally(mongo), line.tally(mongo)]),
            Log::Embedded => {
                let up = line.up();
                (vec![up.clone(), both()], vec![up.clone(), up])
            }
        };
        line.ingests = RwLock::new(ingests);
        line.tallies = tallies;
        for replica in line.replicas() {
            replica.await_ready().await;
        }
        Some(line)
    }

    /// Starts an ingest.
    pub fn ingest(&self, spread: Spread) -> Replica {
        self.taking("ingest", &[], spread, &[("MAREA_ACCESS", "local")])
    }

    /// Starts everything in one process that keeps its log in its folder.
    fn up(&self) -> Replica {
        let [settle, gone] = self.timing.seconds();
        let own = [("MAREA_SETTLE_SECONDS", settle.as_str()), ("MAREA_GONE_SECONDS", &gone)];
        self.taking("marea", &["up"], Spread::default(), &own)
    }

    fn taking(&self, name: &str, arguments: &[&str], spread: Spread, own: &[(&str, &str)]) -> Replica {
        let contests = self.folder.path().join("contests").display().to_string();
        let [votes, others] = [spread.votes, spread.others].map(|queues| queues.to_string());
        let slots = spread.slots.to_string();
        let taking = [
            ("MAREA_CONTESTS", contests.as_str()),
            ("MAREA_SAMPLES", "true"),
            ("MAREA_DRAW_KEY", "key"),
            ("MAREA_VOTES_QUEUES", &votes),
            ("MAREA_OTHER_QUEUES", &others),
            ("MAREA_SLOTS", &slots),
        ];
        self.service(name, arguments, &[&taking, own].concat())
    }

    fn tally(&self, mongo: &Mongo) -> Replica {
        let [settle, gone] = self.timing.seconds();
        let patience = if self.timing.many { PATIENCE } else { "" };
        let mongo = mongo.url("marea") + patience;
        let sweep = [("MAREA_SWEEP_SECONDS", "5"), ("MAREA_SETTLE_SECONDS", settle.as_str())];
        let more = [("MAREA_MONGO", mongo.as_str()), ("MAREA_GONE_SECONDS", &gone)];
        self.service("tally", &[], &[&sweep, &more[..], &[("MAREA_ACCESS", "local")]].concat())
    }

    fn service(&self, name: &str, arguments: &[&str], own: &[(&str, &str)]) -> Replica {
        let brokers: Vec<_> = (0..self.rabbit.nodes()).map(|node| self.rabbit.url(node)).collect();
        let (brokers, redis) = (brokers.join(","), self.redis.url());
        let records = format!("file://{}", self.folder.path().join("records").display());
        let shared = [("MAREA_AMQP", brokers.as_str()), ("MAREA_REDIS", &redis), ("MAREA_BLOBS", &records)];
        Arc::new(Service::start_command(name, arguments, &[&shared, own].concat()))
    }

    /// The ingests that clients use now.
    pub fn ingests(&self) -> Vec<Replica> {
        self.ingests.read().clone()
    }

    /// Everything that runs.
    pub fn replicas(&self) -> Vec<Replica> {
        self.ingests.read().iter().chain(&self.tallies).cloned().collect()
    }

    /// Asks a tally.
    pub async fn get(&self, tally: &Service, path: &str) -> Result<Value, String> {
        answer(self.http.get(format!("{}/contests/{path}", tally.url()))).await
    }

    /// Asks a tally to do something that may take its time.
    pub async fn post(&self, tally: &Service, path: &str) -> Result<Value, String> {
        let request = self.http.post(format!("{}/contests/{path}", tally.url()));
        answer(request.timeout(Duration::from_secs(240))).await
    }

    /// A contest's rows, each with its `verdict`.
    pub async fn rows(&self, contest: &str) -> Result<Vec<Value>, String> {
        match &self.log {
            Log::Mongo(mongo) => stored(mongo, contest).await.map_err(|e| e.to_string()),
            Log::Embedded => self.shown(contest).await,
        }
    }

    /// As tally shows them, page by page.
    async fn shown(&self, contest: &str) -> Result<Vec<Value>, String> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&self.tallies[0], &format!("{contest}/ballots?limit=1000{cursor}")).await?;
            rows.extend(page["ballots"].as_array().into_iter().flatten().cloned());
            let Some(next) = page["next"].as_str() else { return Ok(rows) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Whether something is queued anywhere, delays too, dead letters aside, as the broker tells it.
    pub async fn queued(&self) -> Result<(), String> {
        let depths = self.rabbit.depths(0, "%2F").await?;
        let under_way = depths.into_iter().filter(|queue| queue.queue != DEAD_LETTER_QUEUE);
        let full: Vec<_> = under_way.filter(|queue| queue.ready + queue.unacknowledged > 0).collect();
        if full.is_empty() { Ok(()) } else { Err(format!("{full:?}")) }
    }

    /// The last lines of every process's log.
    pub fn tails(&self) -> String {
        self.replicas().iter().map(|r| format!("{}\n{}\n", r.url(), r.process().tail())).collect()
    }
}

/// Rows as they stand in the store. In pages of the interface the stand-in would sort all rows for each.
async fn stored(mongo: &Mongo, contest: &str) -> mongodb::error::Result<Vec<Value>> {
    let client = mongodb::Client::with_uri_str(mongo.url("marea")).await?;
    let ballots = client.database("marea").collection::<Document>("ballots");
    let verdict = |mut row: Document| {
        let verdict = if row.contains_key("over_limit") { "over_limit" } else { "counted" };
        row.insert("verdict", verdict);
        serde_json::to_value(row).expect("a row of texts, numbers, times and bytes")
    };
    ballots.find(doc! { "contest": contest }).await?.map_ok(verdict).try_collect().await
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|e| e.to_string())?;
    let status = answer.status();
    let body = answer.text().await.map_err(|e| e.to_string())?;
    if !status.is_success() {
        return Err(format!("{status}: {body}"));
    }
    serde_json::from_str(&body).map_err(|e| format!("{e}: {body}"))
}

/// Chance as `TESTKIT_SEED` repeats it; it is printed.
pub fn seeded() -> StdRng {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let seed = setting("TESTKIT_SEED").unwrap_or_else(now);
    println!("TESTKIT_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// A number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}
