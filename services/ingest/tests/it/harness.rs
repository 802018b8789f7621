//! The service on embedded parts or real servers, and a consumer that notes what came through the queues.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use blobs::{
    Records,
    embedded::EmbeddedBlobs,
    object::{ObjectBlobs, Options},
};
use bootstrap::{Access, Context, Secret, app, http::Server};
use contests::{Batch, Value as Held, batch::Header};
use domain::Tenant;
use embedded::Database;
use ingest::{Config, Front, Ingest, routes};
use messaging::{Bus, Delivery, Handler, JobError, embedded::EmbeddedBus, rabbitmq as amqp, topology::GROUPS};
use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use state::{States, embedded::EmbeddedStates, redis::RedisStates};
use testkit::{RabbitMq, RedisCluster, S3};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// More than anything takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How a harness differs from the usual one.
#[derive(Default)]
pub struct With {
    pub tokens: bool,
    pub folder: Option<std::path::PathBuf>,
    pub cors: Vec<String>,
    /// Those of another harness, as after a start anew.
    pub records: Option<Records>,
}

/// One ballot as it came through the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    pub batch: String,
    pub caller: String,
    pub voter: Option<String>,
    pub values: Vec<String>,
}

/// What came: ballots by id, and the headers of batches.
#[derive(Default)]
pub struct Noted {
    pub ballots: Mutex<HashMap<String, Vec<Came>>>,
    pub headers: Mutex<BTreeMap<String, Header>>,
}

#[async_trait]
impl Handler for Noted {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let batch = Batch::decode(&delivery.message.body).map_err(|e| JobError::fail(e.to_string()))?;
        let id = batch.header.batch.to_string();
        assert_eq!(delivery.message.id, id);
        if self.headers.lock().insert(id.clone(), batch.header.clone()).is_some() {
            return Ok(());
        }
        let text = |value: &Held<'_>| match value {
            Held::Missing => String::new(),
            Held::Text(text) => text.to_string(),
            Held::Integer(number) => number.to_string(),
        };
        for cast in &batch.casts {
            let came = Came {
                batch: id.clone(),
                caller: cast.caller.to_owned(),
                voter: cast.voter.map(str::to_owned),
                values: batch.values(cast).iter().map(text).collect(),
            };
            self.ballots.lock().entry(cast.id.to_string()).or_default().push(came);
        }
        Ok(())
    }
}

impl Noted {
    /// Awaits that a ballot came, exactly once.
    pub async fn once(&self, id: &str) -> Came {
        self.all(&[id.to_owned()]).await;
        self.ballots.lock()[id][0].clone()
    }

    /// How many came whose first value is this.
    pub fn named(&self, name: &str) -> usize {
        self.ballots.lock().values().filter(|came| came[0].values[0] == name).count()
    }

    /// Awaits that at least so many came whose first value is this.
    pub async fn many(&self, name: &str, least: usize) {
        let came = testkit::until("ballots of that name", PATIENCE, async || match self.named(name) {
            found if found >= least => Ok(()),
            found => Err(format!("{found} of {least}")),
        });
        came.await.unwrap();
    }

    /// Awaits that all of these came, each exactly once.
    pub async fn all(&self, ids: &[String]) {
        let came = testkit::until("the ballots", PATIENCE, async || {
            let ballots = self.ballots.lock();
            let missing = ids.iter().filter(|id| !ballots.contains_key(*id)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} are missing", ids.len())) }
        });
        came.await.unwrap();
        let ballots = self.ballots.lock();
        for id in ids {
            assert_eq!(ballots[id].len(), 1, "{id} came more than once: {:?}", ballots[id]);
        }
    }
}

pub struct Harness {
    pub url: String,
    pub address: SocketAddr,
    pub http: Client,
    pub context: Context,
    pub noted: Arc<Noted>,
    pub stop: CancellationToken,
    pub service: Option<JoinHandle<()>>,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a harness stands on.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Embedded,
    /// RabbitMQ, Redis Cluster and S3.
    Real,
}

/// One test on parts of a kind.
#[derive(Debug, Clone, Copy)]
pub struct On {
    kind: Kind,
    test: &'static str,
}

impl On {
    /// `None`, and said, where the servers are not installed.
    pub async fn new(kind: Kind, test: &'static str) -> Option<Self> {
        if let Kind::Real = kind {
            RabbitMq::shared().await?;
            RedisCluster::shared().await?;
            S3::shared().await?;
        }
        Some(Self { kind, test })
    }

    /// Parts of its own, with nothing in them.
    pub async fn harness(self, with: With) -> Harness {
        static HARNESSES: AtomicUsize = AtomicUsize::new(0);
        match self.kind {
            Kind::Embedded => Harness::new(embedded_bus().await, with).await,
            Kind::Real => {
                let number = HARNESSES.fetch_add(1, Ordering::Relaxed);
                Harness::over(real(&format!("ingest-{}-{number}", self.test)).await, with).await
            }
        }
    }
}

/// Each function takes where it runs; each becomes a test on embedded parts and on real servers.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod embedded { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let on = $crate::harness::On::new($crate::harness::Kind::Embedded, stringify!($name)).await;
                super::$name(on.unwrap()).await;
            }
        )+ }
        mod real { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let on = $crate::harness::On::new($crate::harness::Kind::Real, stringify!($name)).await;
                if let Some(on) = on {
                    super::$name(on).await;
                }
            }
        )+ }
    };
}

/// What a service is made of.
struct Parts {
    bus: Arc<dyn Bus>,
    records: Records,
    states: Arc<dyn States>,
}

pub async fn embedded_bus() -> Arc<dyn Bus> {
    Arc::new(EmbeddedBus::open(Database::ephemeral().unwrap()).await.unwrap())
}

/// Over the servers that all tests share, in a vhost and a bucket of that name.
async fn real(name: &str) -> Parts {
    let servers = (RabbitMq::shared().await, RedisCluster::shared().await, S3::shared().await);
    let (Some(broker), Some(redis), Some(s3)) = servers else { panic!("asked for before") };
    let bus = amqp::RabbitMq::connect(amqp::Config::new(broker.vhost(name).await)).await.unwrap();
    let bucket = s3.bucket(&uuid::Uuid::now_v7().to_string());
    let states = RedisStates::connect(&redis.url()).await.unwrap();
    let settings = [
        ("aws_endpoint", s3.url()),
        ("aws_region", s3.region()),
        ("aws_access_key_id", s3.key()),
        ("aws_secret_access_key", s3.secret()),
        ("aws_allow_http", "true"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let blobs = ObjectBlobs::open(&bucket, &Options { settings, ..Options::default() }).unwrap();
    Parts { bus: Arc::new(bus), records: Records::new(Arc::new(blobs)), states: Arc::new(states) }
}

/// Awaits every group's first queue with its consumer. On a busy machine a broker takes longer over that than a request
/// waits for its confirm, and the first ballots would be answered 503.
async fn consumed(bus: &dyn Bus) {
    for group in GROUPS {
        let subscribed = testkit::until("a consumer", PATIENCE, async || {
            let (first, whole) = (bus.depth(&group.member(0)).await, bus.depth(group.name).await);
            let consumers = first.or(whole).map(|depth| depth.consumers);
            if consumers.is_ok_and(|n| n > 0) { Ok(()) } else { Err(format!("none of {}", group.name)) }
        });
        subscribed.await.unwrap();
    }
}

impl Harness {
    /// On this bus, all else embedded.
    pub async fn new(bus: Arc<dyn Bus>, with: With) -> Self {
        let database = Database::ephemeral().unwrap();
        let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.unwrap()));
        let states = Arc::new(EmbeddedStates::open(database).await.unwrap());
        Self::over(Parts { bus, records, states }, with).await
    }

    async fn over(parts: Parts, with: With) -> Self {
        bootstrap::install_tls();
        let Parts { bus, records: own, states } = parts;
        let records = with.records.unwrap_or(own);
        let access = match with.tokens {
            true => Access::tokens(records.clone(), &Secret::default()),
            false => Access::local(records.clone(), Tenant::local()),
        };
        let mut context = Context::new("ingest", bus, records, states, access);
        context.guard.cors_origins = with.cors;
        let folder = with.folder.as_deref().map(Path::to_string_lossy).unwrap_or_default().into_owned();
        let config = Config { samples: true, draw_key: "key".into(), contests: folder, ..Config::default() };
        let ingest = Ingest::start(&context, &config).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let front = Front::new(ingest.clone(), app(&context, routes(&ingest)));
        let stop = CancellationToken::new();
        let (stopped, serving) = (stop.clone(), Server { limits: config.limits() });
        let service = tokio::spawn(async move {
            tokio::join!(serving.serve_service(listener, front, stopped.clone()), ingest.keep(&stopped));
            ingest.finish().await;
        });
        let noted = Arc::new(Noted::default());
        for group in GROUPS {
            let (bus, noted, stop) = (context.bus.clone(), noted.clone(), stop.clone());
            tokio::spawn(async move { bus.consume(group, noted, stop).await });
        }
        consumed(context.bus.as_ref()).await;
        let http = Client::builder().no_proxy().build().unwrap();
        Self { url: format!("http://{address}"), address, http, context, noted, stop, service: Some(service) }
    }

    pub fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let post = self.http.post(format!("{}{path}", self.url)).body(body);
        post.header("content-type", "application/json")
    }

    /// Sends, and gives status and body.
    pub async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 503 {
            assert_eq!(answer.headers()["retry-after"], "1");
        }
        (status, answer.json().await.unwrap_or_default())
    }

    /// Opens or closes `bands`.
    pub async fn set_open(&self, open: bool) {
        let gate = self.http.put(format!("{}/contests/bands/gate", self.url)).json(&json!({ "open": open }));
        assert_eq!(self.send(gate).await.0, 200);
    }

    pub async fn cast(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.post(path, body.to_string())).await
    }
}

pub fn vote(name: &str) -> Value {
    json!({ "name": name, "album": "Leyenda", "year": 1989, "rank": 5 })
}

pub fn score(faculty: &str) -> Value {
    json!({ "student": "Ana", "age": 20, "faculty": faculty, "discipline": "boxing" })
}

/// The code of a problem.
pub fn code(body: &Value) -> &str {
    body["type"].as_str().unwrap_or_default().trim_start_matches("urn:marea:problem:")
}
