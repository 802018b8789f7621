//! yaml-manager over embedded parts: one message in, records and one fact out.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context};
use domain::{
    Action, Command, Fact, FactBody, Options, Outcome, Revision, SourceFile, TaskId, TaskKey, TaskName, Tenant,
    fact::CommandKind, record::Ending,
};
use embedded::Database;
use jiff::Timestamp;
use messaging::{Delivery, Handler, JobError, Message, Route, embedded::EmbeddedBus, topology::STATUS_WORKER};
use state::embedded::EmbeddedStates;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use yaml_manager::Config;

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";

struct Harness {
    context: Context,
    facts: mpsc::UnboundedReceiver<Message>,
    stop: CancellationToken,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Listener(mpsc::UnboundedSender<Message>);

#[async_trait]
impl Handler for Listener {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        self.0.send(delivery.message).map_err(|_| JobError::retry("the test ended"))
    }
}

impl Harness {
    async fn new() -> Self {
        Self::of(Tenant::local()).await.0
    }

    /// And what it keeps, for another one over the same.
    async fn of(tenant: Tenant) -> (Self, Database) {
        let database = Database::ephemeral().expect("a database in memory");
        (Self::over(&database, tenant).await, database)
    }

    async fn over(database: &Database, tenant: Tenant) -> Self {
        let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
        let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
        let bus = Arc::new(EmbeddedBus::open(database.clone()).await.expect("tables"));
        let access = Access::local(records.clone(), tenant);
        let context = Context::new("yaml-manager", bus, records, states, access);
        let (stop, (sender, facts)) = (CancellationToken::new(), mpsc::unbounded_channel());
        let (bus, listening) = (context.bus.clone(), stop.clone());
        tokio::spawn(async move { bus.consume(&STATUS_WORKER, Arc::new(Listener(sender)), listening).await });
        tokio::spawn(yaml_manager::run(context.clone(), Config { listen: None }, stop.clone()));
        Self { context, facts, stop }
    }

    async fn store(&self, key: &TaskKey, revision: Revision, action: Action) {
        let (tenant, task, name) = (key.tenant.clone(), key.id, TaskName::generated(key.id));
        let (options, created, actor) = (Options::default(), Timestamp::now(), "local".to_owned());
        let command = Command {
            tenant,
            task,
            name,
            revision,
            action,
            options,
            created,
            actor,
            traceparent: None,
            idempotency: None,
        };
        assert!(self.context.records.create_command(&command).await.expect("stored"));
    }

    async fn publish(&self, key: &TaskKey, revision: Revision) {
        let body = FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None };
        let (tenant, task, name) = (key.tenant.clone(), key.id, TaskName::generated(key.id));
        let fact = Fact { tenant, task, name, revision, time: Timestamp::now(), body };
        let message = Message::fact(&fact).traced(Some(PARENT));
        self.context.bus.publish(&Route::Fact("task.submitted"), message).await.expect("confirmed");
    }

    /// What yaml-manager publishes next.
    async fn next(&mut self) -> (Fact, Message) {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(10), self.facts.recv()).await.expect("in time");
            let message = next.expect("a message");
            let fact: Fact = message.data().expect("a fact");
            if !matches!(fact.body, FactBody::Submitted { .. }) {
                return (fact, message);
            }
        }
    }

    /// What becomes of a command. After a restart the ones before may come again, and are told again.
    async fn submit(&mut self, key: &TaskKey, revision: Revision, action: Action) -> Fact {
        self.store(key, revision, action).await;
        self.publish(key, revision).await;
        loop {
            let (fact, _) = self.next().await;
            if fact.revision == revision {
                return fact;
            }
        }
    }
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn key() -> TaskKey {
    TaskKey { tenant: "local".parse().expect("label"), id: TaskId::new() }
}

fn files(content: &str) -> Action {
    Action::Apply { sources: vec![SourceFile { name: "a.yaml".into(), content: content.into() }] }
}

#[tokio::test]
async fn a_valid_revision_is_rendered_once_and_published_with_its_trace() {
    let mut harness = Harness::new().await;
    let key = key();
    let fact = harness.submit(&key, 1, files(CONFIG_MAP)).await;
    assert!(matches!(fact.body, FactBody::Validated { objects: 1, .. }), "{fact:?}");
    let rendered = harness.context.records.rendered(&key, 1).await.expect("read").expect("rendered");
    assert_eq!(rendered.objects[0].manifest["metadata"]["labels"]["marea.dev/task"], key.id.to_string());
    assert!(!harness.context.records.report(&key, 1).await.expect("read").expect("reported").rejected);
    // Delivered again: the same records, the same message.
    harness.publish(&key, 1).await;
    let (_, again) = harness.next().await;
    assert_eq!(again.id, fact.message_id());
    assert_eq!(again.headers["traceparent"], PARENT);
    assert_eq!(harness.context.records.rendered(&key, 1).await.expect("read"), Some(rendered));
}

#[tokio::test]
async fn an_invalid_revision_is_rejected_and_leaves_what_is_live() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.submit(&key, 1, files(CONFIG_MAP)).await;
    let live = Outcome {
        ending: Ending::Applied,
        time: Timestamp::now(),
        problems: vec![],
        objects: vec![],
        observed: 0,
        kept: vec![],
        live: Some(1),
        finished_jobs: [].into(),
    };
    harness.context.records.put_outcome(&key, 1, &live).await.expect("written");
    let fact = harness.submit(&key, 2, files("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n")).await;
    let FactBody::Rejected { problems } = &fact.body else { panic!("{fact:?}") };
    assert!(!problems.is_empty() && problems[0].file == "a.yaml", "{problems:?}");
    let outcome = harness.context.records.outcome(&key, 2).await.expect("read").expect("ended");
    assert_eq!((outcome.ending, outcome.live), (Ending::Rejected, Some(1)));
    assert_eq!(harness.context.records.rendered(&key, 2).await.expect("read"), None);
}

#[tokio::test]
async fn a_revert_is_what_the_earlier_revision_rendered() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.submit(&key, 1, files(CONFIG_MAP)).await;
    let fact = harness.submit(&key, 2, Action::Revert { to: 1 }).await;
    assert!(matches!(fact.body, FactBody::Validated { .. }));
    let records = &harness.context.records;
    assert_eq!(records.rendered(&key, 2).await.expect("read"), records.rendered(&key, 1).await.expect("read"));
    let fact = harness.submit(&key, 3, Action::Revert { to: 9 }).await;
    assert!(matches!(&fact.body, FactBody::Rejected { problems } if problems[0].code == "no_such_revision"));
}

#[tokio::test]
async fn a_revert_to_what_the_tenant_may_no_longer_do_is_rejected_with_file_and_field() {
    let (mut harness, database) = Harness::of(Tenant::local()).await;
    let key = key();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: other}\n\
                   spec: {type: NodePort, ports: [{port: 80}]}\n";
    harness.submit(&key, 1, files(service)).await;
    let before = harness.context.records.rendered(&key, 1).await.expect("read");
    drop(harness);
    // The administrator takes a namespace and a right away.
    let less = Tenant { every_namespace: false, allow: [].into(), ..Tenant::local() };
    let mut harness = Harness::over(&database, less).await;
    let fact = harness.submit(&key, 2, Action::Revert { to: 1 }).await;
    let FactBody::Rejected { problems } = &fact.body else { panic!("{fact:?}") };
    let told: Vec<_> = problems.iter().map(|p| (p.file.as_str(), p.line, p.field.as_str(), p.code.as_str())).collect();
    let expected = [
        ("", 0, "revision", "revert_not_allowed"),
        ("a.yaml", 1, "metadata.namespace", "foreign_namespace"),
        ("a.yaml", 1, "spec.type", "denied"),
    ];
    assert_eq!(told, expected);
    assert_eq!(harness.context.records.rendered(&key, 2).await.expect("read"), None);
    assert_eq!(harness.context.records.rendered(&key, 1).await.expect("read"), before);
    let outcome = harness.context.records.outcome(&key, 2).await.expect("read").expect("ended");
    assert_eq!(outcome.ending, Ending::Rejected);
}

#[tokio::test]
async fn what_was_stored_above_a_rejected_revision_and_never_published_is_published() {
    let mut harness = Harness::new().await;
    let key = key();
    let bad = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n";
    harness.store(&key, 1, files(bad)).await;
    // Its client was told that the outcome is unknown, and never came again.
    harness.store(&key, 2, files(CONFIG_MAP)).await;
    harness.publish(&key, 1).await;
    assert!(matches!(harness.next().await.0, Fact { revision: 1, body: FactBody::Rejected { .. }, .. }));
    assert!(matches!(harness.next().await.0, Fact { revision: 2, body: FactBody::Validated { .. }, .. }));
}

#[tokio::test]
async fn a_revision_that_was_overtaken_is_dropped() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.store(&key, 1, files(CONFIG_MAP)).await;
    harness.submit(&key, 2, files(CONFIG_MAP)).await;
    harness.publish(&key, 1).await;
    harness.submit(&key, 3, files(CONFIG_MAP)).await;
    assert_eq!(harness.context.records.report(&key, 1).await.expect("read"), None);
}

#[tokio::test]
async fn a_revision_below_a_rejected_one_goes_on() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.store(&key, 1, files(CONFIG_MAP)).await;
    let fact = harness.submit(&key, 2, files("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n")).await;
    assert!(matches!(fact.body, FactBody::Rejected { .. }));
    harness.publish(&key, 1).await;
    let (fact, _) = harness.next().await;
    assert!(matches!((fact.revision, fact.body), (1, FactBody::Validated { .. })));
}

#[tokio::test]
async fn a_stored_put_that_nobody_published_holds_nothing_up() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.store(&key, 1, files(CONFIG_MAP)).await;
    harness.store(&key, 2, files(CONFIG_MAP)).await;
    harness.publish(&key, 1).await;
    assert_eq!(harness.next().await.0.revision, 1);
}

#[tokio::test]
async fn a_stored_roll_back_is_published_by_whoever_yields_to_it() {
    let mut harness = Harness::new().await;
    let key = key();
    harness.store(&key, 1, files(CONFIG_MAP)).await;
    harness.store(&key, 2, Action::RollBack).await;
    harness.publish(&key, 1).await;
    let (fact, message) = harness.next().await;
    assert!(matches!((fact.revision, &fact.body), (2, FactBody::RollbackRequested {})));
    assert_eq!(message.id, fact.message_id());
    assert_eq!(harness.context.records.report(&key, 1).await.expect("read"), None);
}

#[tokio::test]
async fn a_message_without_its_record_is_given_up() {
    let harness = Harness::new().await;
    let key = key();
    harness.publish(&key, 1).await;
    let given_up = async {
        while harness.context.bus.dead_letters(10).await.expect("listed").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), given_up).await.expect("in time");
}
