use std::sync::Arc;

use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context};
use domain::{
    Action, Command, Options, Outcome, Rendered, Revision, State, TaskId, TaskKey, Tenant,
    record::{Ending, Report},
};
use embedded::Database;
use jiff::Timestamp;
use messaging::embedded::EmbeddedBus;
use state::embedded::EmbeddedStates;

use super::{Worker, look};
use crate::Config;

async fn worker() -> Worker {
    let database = Database::ephemeral().expect("a database in memory");
    let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
    let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
    let bus = Arc::new(EmbeddedBus::open(database).await.expect("tables"));
    let access = Access::local(records.clone(), Tenant::local());
    Worker::new(&Context::new("status-worker", bus, records, states, access), &Config::default())
}

/// A command that has ended, as records have it.
async fn ended(records: &Records, key: &TaskKey, n: Revision, action: Action, ending: Ending) {
    let command = Command {
        tenant: key.tenant.clone(),
        task: key.id,
        name: "shop".parse().expect("a name"),
        revision: n,
        action,
        options: Options::default(),
        created: Timestamp::now(),
        actor: "local".into(),
        traceparent: None,
        idempotency: None,
    };
    records.create_command(&command).await.expect("stored");
    if ending == Ending::Applied {
        records.put_rendered(key, n, &Rendered::default()).await.expect("stored");
        records.put_report(key, n, &Report::default()).await.expect("stored");
    }
    let (problems, objects, kept, finished_jobs) = Default::default();
    let live = match ending {
        Ending::Applied => Some(n),
        Ending::Reverted => Some(n - 1),
        _ => None,
    };
    let time = Timestamp::now();
    let outcome = Outcome { ending, time, problems, objects, observed: 0, kept, live, finished_jobs };
    records.put_outcome(key, n, &outcome).await.expect("stored");
}

#[tokio::test]
async fn a_final_state_that_lost_its_last_command_is_mended_after_a_server_was_replaced() {
    let worker = worker().await;
    let (records, states) = (&worker.context.records, &worker.context.states);
    let key = TaskKey { tenant: "local".parse().expect("a label"), id: TaskId::new() };
    ended(records, &key, 1, Action::Apply { sources: vec![] }, Ending::Applied).await;
    states.add(&crate::facts(records, &key).await.expect("answered")).await.expect("added");
    // Its facts were acknowledged, and lost with the master that had them.
    ended(records, &key, 2, Action::RollBack, Ending::RolledBack).await;
    let state = async || states.get(&key).await.expect("answered").expect("a state").state;
    assert_eq!(state().await, State::Done);
    records.put_compared("").await.expect("stored");
    look(&worker).await.expect("looked");
    assert_eq!(state().await, State::Done, "nothing was replaced");
    // Before this process began: it is not asked what it has seen itself.
    records.put_compared("another server").await.expect("stored");
    look(&worker).await.expect("looked");
    assert_eq!(state().await, State::RolledBack);
    assert_eq!(records.compared().await.expect("answered"), Some(String::new()), "it is looked at once");
}

#[tokio::test]
async fn a_final_state_that_lost_its_last_fact_is_mended_too() {
    let worker = worker().await;
    let (records, states) = (&worker.context.records, &worker.context.states);
    let key = TaskKey { tenant: "local".parse().expect("a label"), id: TaskId::new() };
    ended(records, &key, 1, Action::Apply { sources: vec![] }, Ending::Applied).await;
    ended(records, &key, 2, Action::Apply { sources: vec![] }, Ending::Reverted).await;
    let mut facts = crate::facts(records, &key).await.expect("answered");
    assert_eq!(facts.pop().expect("one").body.type_name(), "task.reverted");
    states.add(&facts).await.expect("added");
    let live = async || states.get(&key).await.expect("answered").expect("a state").revisions[0].transitions.len();
    let before = live().await;
    records.put_compared("another server").await.expect("stored");
    look(&worker).await.expect("looked");
    assert!(live().await > before, "what its records tell is in its state");
}
