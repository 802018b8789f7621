//! One status-worker over embedded parts, on a free port.

use std::{sync::Arc, time::Duration};

use axum::{extract::Request, middleware::map_request};
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{
    Access, Context, app,
    http::{Limits, Server},
};
use domain::{
    Action, Command, Fact, FactBody, Options, Revision, SourceFile, TaskId, TaskKey, TaskName, Tenant,
    fact::CommandKind,
};
use embedded::Database;
use jiff::Timestamp;
use messaging::{Message, Route, embedded::EmbeddedBus};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use state::embedded::EmbeddedStates;
use status_worker::Config;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

pub struct Harness {
    pub url: String,
    pub http: Client,
    pub context: Context,
    pub stop: CancellationToken,
    arrived: Arc<Semaphore>,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn config(applier_url: &str) -> Config {
    Config { listen: None, applier_url: applier_url.to_owned(), refold_seconds: 0 }
}

impl Harness {
    pub async fn new() -> Self {
        Self::with("http://127.0.0.1:1").await
    }

    pub async fn with(applier_url: &str) -> Self {
        Self::bounded(applier_url, Limits::default()).await
    }

    /// With these bounds on connections.
    pub async fn bounded(applier_url: &str, limits: Limits) -> Self {
        bootstrap::install_tls();
        let database = Database::ephemeral().expect("a database in memory");
        let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
        let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
        let bus = Arc::new(EmbeddedBus::open(database).await.expect("tables"));
        let access = Access::local(records.clone(), Tenant::local());
        let mut context = Context::new("status-worker", bus, records, states, access);
        context.internal_token = "internal".into();
        let stop = CancellationToken::new();
        context.stopping = stop.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let arrived = Arc::new(Semaphore::new(0));
        let counted = arrived.clone();
        let router = app(&context, status_worker::routes(&context, &config(applier_url)));
        let router = router.layer(map_request(move |request: Request| {
            counted.add_permits(1);
            async { request }
        }));
        tokio::spawn(Server { limits }.serve(listener, router, stop.clone()));
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { url, http, context, stop, arrived }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    /// Awaits a request that has arrived and was not awaited yet.
    pub async fn arrival(&self) {
        let arrived = tokio::time::timeout(Duration::from_secs(60), self.arrived.acquire()).await;
        arrived.expect("a request arrives").expect("never closed").forget();
    }

    pub async fn add(&self, facts: &[Fact]) {
        self.context.states.add(facts).await.expect("added");
    }

    pub async fn publish(&self, fact: &Fact) {
        let route = Route::Fact(fact.body.type_name());
        self.context.bus.publish(&route, Message::fact(fact)).await.expect("confirmed");
    }

    /// Runs the consumer until the harness is dropped.
    pub fn consume(&self) {
        let (context, stop) = (self.context.clone(), self.stop.clone());
        tokio::spawn(status_worker::run(context, config("http://127.0.0.1:1"), stop));
    }
}

pub fn key() -> TaskKey {
    TaskKey { tenant: "local".parse().expect("label"), id: TaskId::new() }
}

pub fn name(key: &TaskKey) -> TaskName {
    TaskName::generated(key.id)
}

pub fn fact(key: &TaskKey, revision: Revision, body: FactBody) -> Fact {
    let (tenant, task, name) = (key.tenant.clone(), key.id, name(key));
    Fact { tenant, task, name, revision, time: Timestamp::now(), body }
}

pub fn submitted() -> FactBody {
    FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }
}

pub fn applied() -> FactBody {
    FactBody::Applied { observed: 7, objects: vec![], kept: vec![], warnings: vec![] }
}

pub fn command(key: &TaskKey, revision: Revision, action: Action) -> Command {
    Command {
        tenant: key.tenant.clone(),
        task: key.id,
        name: name(key),
        revision,
        action,
        options: Options::default(),
        created: Timestamp::now(),
        actor: "local".into(),
        traceparent: None,
        idempotency: None,
    }
}

pub fn apply() -> Action {
    Action::Apply { sources: vec![SourceFile { name: "a.yaml".into(), content: "kind: ConfigMap".into() }] }
}

pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("answered");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Asks until the task is in that state.
pub async fn until(harness: &Harness, path: &str, state: &str) -> Value {
    let asked = async {
        loop {
            let (_, body) = answer(harness.get(path)).await;
            if body["state"] == state {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.expect("in time")
}
