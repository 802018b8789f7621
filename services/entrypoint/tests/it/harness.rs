//! One entrypoint over embedded parts, on a free port.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use blobs::{Blobs, Records, embedded::EmbeddedBlobs};
use bootstrap::{
    Access, Context, Secret,
    http::{App, BodyLimits, Server},
    issue,
};
use bytes::Bytes;
use domain::{Fact, Tenant, TenantName, access::Scope};
use embedded::Database;
use jiff::SignedDuration;
use messaging::{
    BrokerError, Bus, DeadLetter, Delivery, Depth, Handler, JobError, Message, PublishError, Route,
    embedded::EmbeddedBus,
    topology::{Queue, STATUS_WORKER},
};
use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use state::embedded::EmbeddedStates;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

pub const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";

/// A bus that can fall silent: it takes messages and never confirms.
pub struct Silent {
    inner: EmbeddedBus,
    pub silent: AtomicBool,
}

#[async_trait]
impl Bus for Silent {
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.publish(route, message).await
    }

    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
        self.inner.consume(queue, handler, shutdown).await;
    }

    fn has_read_since(&self, then: tokio::time::Instant) -> bool {
        self.inner.has_read_since(then)
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.inner.depth(queue).await
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.inner.ready().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.inner.dead_letters(limit).await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.inner.requeue_dead_letter(id).await
    }

    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.inner.drop_dead_letter(id).await
    }
}

/// Blobs that can refuse lists, and be older than they are.
pub struct Faulty {
    inner: EmbeddedBlobs,
    /// Lists that begin so are refused.
    pub refuses: Mutex<Option<String>>,
    /// By so much.
    pub older: Mutex<SignedDuration>,
}

#[async_trait]
impl Blobs for Faulty {
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, blobs::Error> {
        self.inner.create(key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), blobs::Error> {
        self.inner.put(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, blobs::Error> {
        self.inner.get(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<blobs::Entry>, blobs::Error> {
        if self.refuses.lock().as_ref().is_some_and(|refused| prefix.starts_with(refused)) {
            return Err(blobs::Error::Unavailable("a test refuses it".to_owned()));
        }
        let (mut entries, older) = (self.inner.list(prefix, after, limit).await?, *self.older.lock());
        entries.iter_mut().for_each(|entry| entry.modified -= older);
        Ok(entries)
    }

    async fn delete(&self, key: &str) -> Result<(), blobs::Error> {
        self.inner.delete(key).await
    }
}

/// How a harness differs from the usual one.
#[derive(Default)]
pub struct With {
    /// Whether tokens are needed.
    pub tokens: bool,
    /// Bounds on bodies.
    pub bodies: BodyLimits,
    /// cluster-applier's address.
    pub applier_url: String,
    /// Clusters beside the default one.
    pub targets: Vec<String>,
}

pub struct Harness {
    pub url: String,
    pub address: std::net::SocketAddr,
    pub http: Client,
    pub context: Context,
    pub bus: Arc<Silent>,
    pub blobs: Arc<Faulty>,
    stop: CancellationToken,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Harness {
    pub async fn new() -> Self {
        Self::with(With::default()).await
    }

    pub async fn with(with: With) -> Self {
        bootstrap::install_tls();
        let database = Database::ephemeral().expect("a database in memory");
        let inner = EmbeddedBlobs::open(database.clone()).await.expect("tables");
        let blobs = Arc::new(Faulty { inner, refuses: Mutex::default(), older: Mutex::default() });
        let records = Records::new(blobs.clone());
        let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
        let inner = EmbeddedBus::open(database).await.expect("tables");
        let bus = Arc::new(Silent { inner, silent: AtomicBool::new(false) });
        let access = match with.tokens {
            true => Access::tokens(records.clone(), &Secret::default()),
            false => Access::local(records.clone(), Tenant::local()),
        };
        let mut context = Context::new("entrypoint", bus.clone(), records, states, access);
        context.internal_token = "internal".into();
        let targets = with.targets.into_iter().map(|name| (name, String::new())).collect();
        let config = entrypoint::Config { applier_url: with.applier_url, targets, ..Default::default() };
        let routes = entrypoint::routes(&context, &config);
        let router = App { bodies: with.bodies, ..App::default() }.build(&context, routes);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        tokio::spawn(Server::default().serve(listener, router, stop.clone()));
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { url: format!("http://{address}"), address, http, context, bus, blobs, stop }
    }

    pub fn post(&self, query: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http.post(format!("{}/yaml{query}", self.url)).header("content-type", "application/yaml").body(body)
    }

    pub fn put(&self, id: &str, query: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http.put(format!("{}/yaml/{id}{query}", self.url)).header("content-type", "application/yaml").body(body)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(format!("{}{path}", self.url))
    }

    /// Submits a task of one object, and gives its id.
    pub async fn submit(&self, query: &str) -> String {
        let (status, body) = answer(self.post(query, CONFIG_MAP)).await;
        assert_eq!(status, 202, "{body}");
        body["id"].as_str().expect("an id").to_owned()
    }

    /// How many tasks are stored of the local tenant.
    pub async fn stored(&self) -> usize {
        let local = "local".parse().expect("label");
        self.context.records.tasks(&local, None, 1000).await.expect("listed").len()
    }

    /// A tenant with a token of these scopes.
    pub async fn tenant(&self, name: &str, scopes: &[Scope]) -> (TenantName, String) {
        let tenant: TenantName = name.parse().expect("label");
        let record = Tenant {
            name: tenant.clone(),
            namespaces: vec![name.to_owned()],
            every_namespace: false,
            ..Tenant::local()
        };
        self.context.records.put_tenant(&record).await.expect("stored");
        let (token, secret) = issue(tenant.clone(), scopes.iter().copied(), None, String::new());
        self.context.records.put_token(&token).await.expect("stored");
        (tenant, secret.expose().to_owned())
    }

    /// The next fact that is published.
    pub async fn facts(&self) -> mpsc::UnboundedReceiver<Fact> {
        let (sender, facts) = mpsc::unbounded_channel();
        let (bus, stop) = (self.bus.clone(), self.stop.clone());
        tokio::spawn(async move { bus.consume(&STATUS_WORKER, Arc::new(Listener(sender)), stop).await });
        facts
    }
}

struct Listener(mpsc::UnboundedSender<Fact>);

#[async_trait]
impl Handler for Listener {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let fact = delivery.message.data().map_err(JobError::fail)?;
        self.0.send(fact).map_err(|_| JobError::retry("the test ended"))
    }
}

pub async fn next(facts: &mut mpsc::UnboundedReceiver<Fact>) -> Fact {
    tokio::time::timeout(Duration::from_secs(10), facts.recv()).await.expect("published in time").expect("a fact")
}

pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    body(request.send().await.expect("answered")).await
}

pub async fn body(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let problem = response.headers().get("content-type").is_some_and(|t| t == "application/problem+json");
    let text = response.text().await.expect("a body");
    assert_eq!(problem, status >= 400, "{status}: {text}");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
