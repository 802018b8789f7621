//! Messages that come twice, too late, or to two replicas.

use cluster::{Engine, Limits};
use domain::{
    Action, FactBody, Options, Outcome, Problem, State,
    record::{Ending, Report},
};
use jiff::{SignedDuration, Timestamp};
use messaging::{Message, Route, topology::CLUSTER_APPLIER};
use sandbox::Sandbox;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, config_map, deployment, job};

#[tokio::test]
async fn a_delete_that_overtakes_an_apply_wins() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.delete(2).await;
    world.replica();
    world.state(2, State::RolledBack).await;
    world.quiet().await;
    assert!(world.get("/apis/apps/v1/namespaces/default/deployments/web").await.is_none());
    let outcome = world.context.records.outcome(&world.key, 1).await.unwrap().unwrap();
    assert_eq!(outcome.ending, Ending::Superseded);
    assert_eq!(world.facts("task.applied").len(), 0);
}

#[tokio::test]
async fn a_delete_that_nobody_published_is_published_by_whoever_yields_to_it() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.command(2, Action::RollBack, Options::default()).await;
    world.replica();
    world.state(2, State::RolledBack).await;
}

#[tokio::test]
async fn a_put_that_nobody_published_holds_nothing_up_and_is_published() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[job("short", "1s")]).await;
    world.command(2, Action::Apply { sources: vec![] }, Options::default()).await;
    world.replica();
    world.until(|s| s.live_revision == Some(1)).await;
    world.state(2, State::Pending).await;
    assert!(world.facts("task.submitted").iter().any(|fact| fact.revision == 2));
}

/// A revision as yaml-manager leaves it when it refuses.
pub async fn reject(world: &World, n: domain::Revision, live: Option<domain::Revision>) {
    world.command(n, Action::Apply { sources: vec![] }, Options::default()).await;
    let problems = vec![Problem::error("unknown_kind", "no")];
    let records = &world.context.records;
    records.put_report(&world.key, n, &Report { problems: problems.clone(), rejected: true }).await.unwrap();
    let (objects, kept, finished_jobs) = Default::default();
    let ending = Ending::Rejected;
    let outcome = Outcome {
        ending,
        time: Timestamp::now(),
        problems: problems.clone(),
        objects,
        observed: 0,
        kept,
        live,
        finished_jobs,
    };
    records.put_outcome(&world.key, n, &outcome).await.unwrap();
    world.publish(n, FactBody::Rejected { problems }).await;
}

#[tokio::test]
async fn a_rejected_revision_leaves_the_one_under_way() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[job("long", "3s"), config_map("a", "1")]).await;
    world.state(1, State::ApplyingInCluster).await;
    reject(&world, 2, None).await;
    let status = world.until(|s| s.live_revision == Some(1)).await;
    assert_eq!((status.state, status.desired_revision), (State::Rejected, 2));
    let outcome = world.context.records.outcome(&world.key, 1).await.unwrap().unwrap();
    assert_eq!((outcome.ending, outcome.live), (Ending::Applied, Some(1)));
}

#[tokio::test]
async fn an_accepted_revision_supersedes_the_one_under_way() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "ImagePullBackOff")]).await;
    world.state(1, State::ApplyingInCluster).await;
    world.revision(2, Options::default(), &[deployment("web", "")]).await;
    world.state(2, State::Done).await;
    world.quiet().await;
}

/// A check of a blocked roll back that began then.
async fn check_blocked(world: &World, n: domain::Revision, started: Timestamp) {
    let check = json!({"tenant": world.key.tenant, "id": world.key.id, "name": "shop", "revision": n, "attempt": 9_000,
        "started": started, "row": Uuid::from_u128(1), "stage": {"stage": "roll_back", "blocked": true}});
    let id = Uuid::now_v7().to_string();
    let message = Message::event("task.check", id, world.key.to_string(), Timestamp::now(), &check);
    world.context.bus.publish(&Route::Queue(&CLUSTER_APPLIER), message).await.unwrap();
}

#[tokio::test]
async fn a_roll_back_that_was_given_up_is_resumed() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let path = "/api/v1/namespaces/default/configmaps/a";
    world.patch(path, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    world.command(2, Action::RollBack, Options::default()).await;
    // Its last check, a day later.
    check_blocked(&world, 2, Timestamp::now() - SignedDuration::from_hours(25)).await;
    world.quiet().await;
    assert!(world.get(path).await.unwrap()["metadata"]["deletionTimestamp"].is_string());
    // The same command again, as entrypoint answers a second DELETE.
    world.publish(2, FactBody::RollbackRequested {}).await;
    world.state(2, State::RollbackBlocked).await;
    world.patch(path, &json!({"metadata": {"finalizers": null}})).await;
    world.state(2, State::RolledBack).await;
}

#[tokio::test]
async fn a_blocked_roll_back_has_one_row_of_checks() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    world.command(2, Action::RollBack, Options::default()).await;
    world.context.records.put_note(&world.key, 2, "row", &Uuid::from_u128(2)).await.unwrap();
    check_blocked(&world, 2, Timestamp::now()).await;
    world.quiet().await;
    assert!(world.get("/api/v1/namespaces/default/configmaps/a").await.is_some(), "a later row of checks waits");
    world.context.records.put_note(&world.key, 2, "row", &Uuid::from_u128(1)).await.unwrap();
    check_blocked(&world, 2, Timestamp::now()).await;
    world.state(2, State::RolledBack).await;
}

#[tokio::test]
async fn a_revert_and_a_roll_back_go_where_the_task_was_applied() {
    let mut world = World::idle().await;
    let (other, stop) = (Sandbox::new(sandbox::Options::default()), world.context.stopping.clone());
    let client = other.client();
    tokio::spawn(async move { other.run(stop).await });
    world.clusters = world.clusters.clone().and("west", Engine::new(client.clone(), Limits::default()));
    world.replica();
    let path = "/api/v1/namespaces/default/configmaps/a";
    let there = async || client.request::<Value>(http::Request::get(path).body(vec![]).unwrap()).await.ok();
    let to = |target: &str| Options { target: target.to_owned(), ..Options::default() };
    world.revision(1, to("west"), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    assert!(there().await.is_some() && world.get(path).await.is_none());
    world.revision(2, to("nowhere"), &[config_map("a", "2")]).await;
    world.state(2, State::Failed).await;
    world.command(3, Action::Revert { to: 1 }, Options::default()).await;
    let rendered = world.context.records.rendered(&world.key, 1).await.unwrap().unwrap();
    world.context.records.put_rendered(&world.key, 3, &rendered).await.unwrap();
    world.publish(3, FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }).await;
    world.state(3, State::Done).await;
    assert!(there().await.is_some() && world.get(path).await.is_none());
    world.delete(4).await;
    world.state(4, State::RolledBack).await;
    assert!(there().await.is_none());
}

#[tokio::test]
async fn a_duplicate_does_nothing_twice() {
    let world = World::start().await;
    world.replica();
    let validated = || FactBody::Validated { objects: 1, warnings: vec![], added: vec![] };
    world.revision(1, Options::default(), &[job("once", "1s"), config_map("a", "1")]).await;
    for _ in 0..5 {
        world.publish(1, validated()).await;
    }
    world.state(1, State::Done).await;
    let uid =
        || async { world.get("/apis/batch/v1/namespaces/default/jobs/once").await.unwrap()["metadata"]["uid"].clone() };
    let ran = uid().await;
    world.publish(1, validated()).await;
    world.quiet().await;
    assert_eq!(uid().await, ran);
    let ids: std::collections::BTreeSet<_> = world.facts("task.applied").iter().map(domain::Fact::message_id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_pending_task_is_cancelled() {
    let world = World::start().await;
    world.delete(1).await;
    world.state(1, State::RolledBack).await;
}
