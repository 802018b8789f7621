//! A writer that was paused over its lease's end, or whose message came again, may write once more after DONE.

use std::time::Duration;

use domain::{Options, State};
use serde_json::Value;

use crate::world::{SOON, World, config_map};

const A: &str = "/api/v1/namespaces/default/configmaps/a";
const B: &str = "/api/v1/namespaces/default/configmaps/b";

/// Checks that look once more after the end.
fn last_looks(world: &World) -> usize {
    let published = world.published.lock();
    let checks = published.iter().filter(|m| m.kind == "dev.marea.task.check.v1");
    checks.filter(|m| m.data::<Value>().unwrap()["stage"]["stage"] == "settle").count()
}

#[tokio::test]
async fn what_a_paused_writer_wrote_after_done_is_mended() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1"), config_map("b", "1")]).await;
    world.state(1, State::Done).await;
    world.quiet().await;
    assert_eq!(last_looks(&world), 0, "nobody else was at it");
    let paused = world.context.states.acquire(&world.key, "paused", Duration::from_secs(1)).await.unwrap();
    assert!(paused.is_some());
    world.revision(2, Options::default(), &[config_map("a", "2")]).await;
    world.state(2, State::Done).await;
    // It wakes up: it was about to apply revision 1.
    world.write_stale(A, &config_map("a", "1")).await;
    world.write_stale(B, &config_map("b", "1")).await;
    let mended = || async {
        let (a, b) = (world.get(A).await.unwrap()["data"]["key"].clone(), world.get(B).await);
        if a == "2" && b.is_none() { Ok(()) } else { Err(format!("{a} {b:?}")) }
    };
    testkit::until("what was written is mended", SOON, mended).await.unwrap();
}

#[tokio::test]
async fn a_last_look_that_was_held_up_takes_nothing_from_a_later_revision() {
    let world = World::start().await;
    let both = [config_map("a", "1"), config_map("b", "1")];
    world.revision(1, Options::default(), &both).await;
    world.state(1, State::Done).await;
    // Somebody may be at it still: a last look follows.
    let paused = world.context.states.acquire(&world.key, "paused", Duration::from_secs(1)).await.unwrap();
    assert!(paused.is_some());
    world.revision(2, Options::default(), &both[..1]).await;
    world.state(2, State::Done).await;
    let (reached, open) = world.blobs.hold("000002/rendered");
    tokio::time::timeout(SOON, reached).await.unwrap().unwrap();
    world.revision(3, Options::default(), &both).await;
    world.state(3, State::Done).await;
    open.send(()).unwrap();
    world.quiet().await;
    assert!(world.get(B).await.is_some(), "what revision 3 has is there");
}
