//! Messages that come twice, too late, or to two replicas.

use domain::{FactBody, Options, State, record::Ending};

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
