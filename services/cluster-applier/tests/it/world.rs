//! The service beside a fold of all facts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bootstrap::{Access, Context};
use cluster::{Engine, Limits};
use cluster_applier::{Clusters, Config};
use domain::{
    Action, Command, Fact, FactBody, Health, Options, Outcome, Problem, Rendered, Revision, State, TaskId, TaskKey,
    TaskStatus, Tenant, fact::CommandKind, record::RenderedObject,
};
use embedded::Database;
use jiff::Timestamp;
use kube::Client;
use messaging::{
    BrokerError, Bus, DeadLetter, Delivery, Depth, Handler, JobError, Message, PublishError, Route,
    topology::{CLUSTER_APPLIER, Queue, STATUS_WORKER},
};
use parking_lot::Mutex;
use sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::gated::Gated;

pub const SOON: Duration = Duration::from_secs(60);

pub struct World {
    pub context: Context,
    pub blobs: Arc<Gated>,
    pub client: Client,
    pub clusters: Clusters,
    pub key: TaskKey,
    facts: Arc<Mutex<Vec<Fact>>>,
    /// Whoever holds it keeps facts from being folded.
    pub folding: Arc<tokio::sync::Mutex<()>>,
    /// Everything that was published, in order.
    pub published: Published,
    /// How many of the next checks the bus refuses.
    pub refused: Arc<AtomicUsize>,
    /// When a roll back is reported as blocked.
    pub rollback_seconds: u32,
    _running: DropGuard,
}

pub type Published = Arc<Mutex<Vec<Message>>>;

/// A bus that remembers what was published, and refuses so many of the next checks.
struct Remembering(Arc<dyn Bus>, Published, Arc<AtomicUsize>);

#[async_trait]
impl Bus for Remembering {
    async fn publish(&self, route: &Route, message: Message) -> Result<(), PublishError> {
        let is_check = message.kind == "dev.marea.task.check.v1";
        if is_check && self.2.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(PublishError::Unknown);
        }
        self.1.lock().push(message.clone());
        self.0.publish(route, message).await
    }

    async fn consume(&self, queue: &'static Queue, handler: Arc<dyn Handler>, shutdown: CancellationToken) {
        self.0.consume(queue, handler, shutdown).await;
    }

    fn has_read_since(&self, then: tokio::time::Instant) -> bool {
        self.0.has_read_since(then)
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.0.depth(queue).await
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.0.ready().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        self.0.dead_letters(limit).await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.0.requeue_dead_letter(id).await
    }

    async fn drop_dead_letter(&self, id: &str) -> Result<bool, BrokerError> {
        self.0.drop_dead_letter(id).await
    }
}

/// Folds facts, as status-worker does.
struct Folding(Context, Arc<Mutex<Vec<Fact>>>, Arc<tokio::sync::Mutex<()>>);

#[async_trait]
impl Handler for Folding {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let fact: Fact = delivery.message.data().map_err(JobError::fail)?;
        let _may_fold = self.2.lock().await;
        self.0.states.add(std::slice::from_ref(&fact)).await.map_err(JobError::retry)?;
        self.1.lock().push(fact);
        Ok(())
    }
}

impl World {
    /// The service runs.
    pub async fn start() -> Self {
        let world = Self::idle().await;
        world.replica();
        world
    }

    /// All but the service.
    pub async fn idle() -> Self {
        let database = Database::ephemeral().unwrap();
        let embedded = Arc::new(messaging::embedded::EmbeddedBus::open(database.clone()).await.unwrap());
        let (published, refused) = (Published::default(), Arc::<AtomicUsize>::default());
        let bus = Arc::new(Remembering(embedded, published.clone(), refused.clone()));
        let blobs = Gated::over(blobs::embedded::EmbeddedBlobs::open(database.clone()).await.unwrap());
        let states = Arc::new(state::embedded::EmbeddedStates::open(database).await.unwrap());
        let records = blobs::Records::new(blobs.clone());
        let access = Access::local(records.clone(), Tenant::local());
        let mut context = Context::new("cluster-applier", bus, records, states, access);
        context.internal_token = "between-us".into();
        let stop = CancellationToken::new();
        let sandbox = Sandbox::new(sandbox::Options::default());
        let client = sandbox.client();
        let token = stop.clone();
        tokio::spawn(async move { sandbox.run(token).await });
        let facts = Arc::new(Mutex::new(vec![]));
        let folding = Arc::<tokio::sync::Mutex<()>>::default();
        let handler = Arc::new(Folding(context.clone(), facts.clone(), folding.clone()));
        let (bus, token) = (context.bus.clone(), stop.clone());
        tokio::spawn(async move { bus.consume(&STATUS_WORKER, handler, token).await });
        context.stopping = stop.clone();
        let clusters = Clusters::one(Engine::new(client.clone(), Limits::default()));
        let key = TaskKey { tenant: "local".parse().unwrap(), id: TaskId::new() };
        Self {
            context,
            blobs,
            client,
            clusters,
            key,
            facts,
            folding,
            published,
            refused,
            rollback_seconds: 3,
            _running: stop.drop_guard(),
        }
    }

    /// One more replica of the service, which ends with the world.
    pub fn replica(&self) {
        self.replica_until(self.context.stopping.clone());
    }

    /// One more replica of the service, until then.
    pub fn replica_until(&self, stop: CancellationToken) -> JoinHandle<()> {
        let (context, clusters) = (self.context.clone(), self.clusters.clone());
        let config = Config { rollback_seconds: self.rollback_seconds, ..Config::default() };
        tokio::spawn(cluster_applier::run_on(context, clusters, config, stop))
    }

    /// What becomes of a command.
    pub async fn ending(&self, n: Revision) -> Outcome {
        let probe = || async {
            let outcome = self.context.records.outcome(&self.key, n).await.unwrap();
            outcome.ok_or_else(|| format!("{n} has not ended"))
        };
        testkit::until("an outcome", SOON, probe).await.unwrap()
    }

    /// A revision as yaml-manager leaves it.
    pub async fn revision(&self, n: Revision, options: Options, objects: &[Value]) {
        self.accepted(n, options, objects).await;
        self.publish(n, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }).await;
        self.publish(n, FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }).await;
    }

    /// The same, before anybody is told.
    pub async fn accepted(&self, n: Revision, options: Options, objects: &[Value]) {
        self.command(n, Action::Apply { sources: vec![] }, options).await;
        let object = |manifest: &Value| RenderedObject {
            manifest: self.labelled(manifest),
            file: "a.yaml".into(),
            document: 0,
            line: 1,
        };
        let rendered = Rendered { objects: objects.iter().map(object).collect(), ..Rendered::default() };
        self.context.records.put_rendered(&self.key, n, &rendered).await.unwrap();
    }

    pub async fn delete(&self, n: Revision) {
        self.command(n, Action::RollBack, Options::default()).await;
        self.publish(n, FactBody::RollbackRequested {}).await;
    }

    /// A command that is stored and not published.
    pub async fn command(&self, n: Revision, action: Action, options: Options) {
        let command = Command {
            tenant: self.key.tenant.clone(),
            task: self.key.id,
            name: "shop".parse().unwrap(),
            revision: n,
            action,
            options,
            created: Timestamp::now(),
            actor: "local".into(),
            traceparent: None,
            idempotency: None,
        };
        assert!(self.context.records.create_command(&command).await.unwrap());
    }

    pub async fn publish(&self, revision: Revision, body: FactBody) {
        let name = "shop".parse().unwrap();
        let fact =
            Fact { tenant: self.key.tenant.clone(), task: self.key.id, name, revision, time: Timestamp::now(), body };
        self.context.bus.publish(&Route::Fact(fact.body.type_name()), Message::fact(&fact)).await.unwrap();
    }

    pub fn labelled(&self, manifest: &Value) -> Value {
        let mut manifest = manifest.clone();
        manifest["metadata"]["namespace"] = json!("default");
        let labels = json!({cluster::TASK_LABEL: self.key.id, cluster::TENANT_LABEL: "local"});
        manifest["metadata"]["labels"] = labels.clone();
        if let Some(template) = manifest.pointer_mut("/spec/template/metadata/labels").and_then(Value::as_object_mut) {
            template.extend(labels.as_object().unwrap().clone());
        }
        manifest
    }

    /// Applies a manifest as the service does, without asking anybody: what a writer does that nobody waits for.
    pub async fn write_stale(&self, path: &str, manifest: &Value) {
        let path = format!("{path}?force=true&fieldManager=marea-{}", self.key.id);
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        let body = self.labelled(manifest).to_string().into_bytes();
        let _: Value = self.client.request(request.body(body).unwrap()).await.unwrap();
    }

    /// Waits until the task's status is as wanted.
    pub async fn until(&self, wanted: impl Fn(&TaskStatus) -> bool) -> Arc<TaskStatus> {
        let probe = || async {
            let status = self.context.states.get(&self.key).await.unwrap().ok_or("no status yet".to_owned())?;
            if wanted(&status) { Ok(status) } else { Err(format!("{status:#?}")) }
        };
        testkit::until("the status", SOON, probe).await.unwrap()
    }

    pub async fn state(&self, n: Revision, state: State) -> Arc<TaskStatus> {
        self.until(|s| s.desired_revision == n && s.state == state).await
    }

    /// Facts of a type so far.
    pub fn facts(&self, name: &str) -> Vec<Fact> {
        self.facts.lock().iter().filter(|f| f.body.type_name() == name).cloned().collect()
    }

    pub async fn get(&self, path: &str) -> Option<Value> {
        match self.client.request(http::Request::get(path).body(vec![]).unwrap()).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Awaits that this was the last health told.
    pub async fn told(&self, wanted: Health) {
        let probe = || async {
            let last = self.published.lock().iter().rev().find_map(progress_of);
            if last == Some(wanted) { Ok(()) } else { Err(format!("{last:?}")) }
        };
        testkit::until("the health that is told", SOON, probe).await.unwrap();
    }

    /// Changes an object as somebody else.
    pub async fn patch(&self, path: &str, patch: &Value) {
        let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
        let _: Value = self.client.request(request.body(patch.to_string().into_bytes()).unwrap()).await.unwrap();
    }

    /// Awaits that nothing is queued and nothing runs.
    pub async fn quiet(&self) {
        self.empty(CLUSTER_APPLIER.name).await;
    }

    /// Awaits that every fact so far is folded.
    pub async fn all_folded(&self) {
        self.empty(STATUS_WORKER.name).await;
    }

    async fn empty(&self, queue: &str) {
        let probe = || async {
            let depth = self.context.bus.depth(queue).await.unwrap();
            if depth.ready + depth.unacknowledged == 0 { Ok(()) } else { Err(format!("{depth:?}")) }
        };
        testkit::until("an empty queue", SOON, probe).await.unwrap();
    }
}

fn progress_of(message: &Message) -> Option<Health> {
    match message.data::<Fact>().ok()?.body {
        FactBody::Progress { health, .. } => Some(health),
        _ => None,
    }
}

pub fn codes(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|p| p.code.as_str()).collect()
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}

pub fn deployment(name: &str, outcome: &str) -> Value {
    let annotations = if outcome.is_empty() { json!({}) } else { json!({sandbox::names::OUTCOME: outcome}) };
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}, "annotations": annotations},
            "spec": {"containers": [{"name": "main", "image": "example/main:1"}]}}}})
}

pub fn job(name: &str, run_for: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {
        "template": {"metadata": {"labels": {"app": name}, "annotations": {sandbox::names::RUN_FOR: run_for}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example/main:1"}]}}}})
}

pub fn deadline(seconds: u32) -> Options {
    Options { ready_deadline_seconds: seconds, ..Options::default() }
}

pub const HEALTHY: Health = Health::Healthy;
