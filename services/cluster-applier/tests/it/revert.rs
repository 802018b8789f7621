//! Going back: to the right revision, by whoever takes the next step, and with nothing left over.

use std::sync::atomic::Ordering::Relaxed;

use domain::{FactBody, OnFailure, Options, Outcome, Revision, State, record::Ending};
use jiff::{SignedDuration, Timestamp};
use messaging::{Message, Route, topology::CLUSTER_APPLIER};
use serde_json::json;
use uuid::Uuid;

use crate::{
    races::reject,
    world::{SOON, World, codes, config_map, deadline, deployment},
};

const A: &str = "/api/v1/namespaces/default/configmaps/a";
const X: &str = "/apis/apps/v1/namespaces/default/deployments/x";

fn reverting() -> Options {
    Options { on_failure: OnFailure::Revert, ..deadline(1) }
}

/// The second revision is at its check, whose row a note of going back has, `ago` after its deadline began.
async fn is_at_its_check(world: &World, ago: SignedDuration) {
    let (row, now) = (Uuid::now_v7(), Timestamp::now());
    let began =
        json!({"stage": "revert", "to": 1, "since": now, "problems": [{"code": "not_healthy", "message": "no"}]});
    world.context.records.put_note(&world.key, 2, "row", &row).await.unwrap();
    world.context.records.put_note(&world.key, 2, "revert", &began).await.unwrap();
    let check = json!({"tenant": world.key.tenant, "id": world.key.id, "name": "shop", "revision": 2, "attempt": 3,
        "started": now - ago, "overdue_since": now - ago, "row": row, "stage": {"stage": "ready"}});
    let message = Message::event("task.check", "a-check".to_owned(), world.key.to_string(), now, &check);
    world.context.bus.publish(&Route::Queue(&CLUSTER_APPLIER), message).await.unwrap();
}

/// A revision that is live, as records have it.
async fn was_done(world: &World, n: Revision) {
    let (problems, objects, kept, finished_jobs) = Default::default();
    let time = Timestamp::now();
    let outcome =
        Outcome { ending: Ending::Applied, time, problems, objects, observed: 0, kept, live: Some(n), finished_jobs };
    world.context.records.put_outcome(&world.key, n, &outcome).await.unwrap();
    world.publish(n, FactBody::Applied { observed: 0, objects: vec![], kept: vec![], warnings: vec![] }).await;
}

#[tokio::test]
async fn a_check_that_does_not_know_of_the_revert_goes_on_with_it() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    was_done(&world, 1).await;
    world.accepted(2, reverting(), &[config_map("a", "2")]).await;
    is_at_its_check(&world, SignedDuration::ZERO).await;
    world.replica();
    let ending = world.ending(2).await;
    assert_eq!((ending.ending, ending.live), (Ending::Reverted, Some(1)));
    assert_eq!(world.get(A).await.unwrap()["data"]["key"], "1");
}

#[tokio::test]
async fn what_is_brought_back_has_the_whole_deadline_whoever_goes_on_with_it() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    was_done(&world, 1).await;
    let options = Options { on_failure: OnFailure::Revert, ..deadline(20) };
    world.accepted(2, options, &[deployment("web", "ImagePullBackOff")]).await;
    // The revision that failed had used up all of it.
    is_at_its_check(&world, SignedDuration::from_secs(30)).await;
    world.replica();
    let ending = world.ending(2).await;
    assert_eq!((ending.ending, ending.live), (Ending::Reverted, Some(1)), "{:?}", ending.problems);
}

#[tokio::test]
async fn a_first_step_that_comes_again_goes_back_too() {
    let world = World::idle().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    was_done(&world, 1).await;
    let began = json!({"stage": "revert", "to": 1, "since": Timestamp::now(), "problems": [{"code": "not_healthy", "message": "no"}]});
    world.context.records.put_note(&world.key, 2, "revert", &began).await.unwrap();
    // Its next check is refused, so that the same message comes once more, as one whose acknowledgement was lost does.
    world.refused.store(1, Relaxed);
    world.replica();
    let options = Options { on_failure: OnFailure::Revert, ..deadline(300) };
    world.revision(2, options, &[config_map("a", "2"), deployment("x", "ImagePullBackOff")]).await;
    assert_eq!(world.ending(2).await.ending, Ending::Reverted);
    assert_eq!(world.get(A).await.unwrap()["data"]["key"], "1");
}

#[tokio::test]
async fn what_the_guard_of_prune_keeps_is_not_deleted_by_going_back() {
    let world = World::start().await;
    let many = ["b", "c", "d"].map(|name| config_map(name, "1"));
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let mut failing = vec![config_map("a", "1"), deployment("x", "ImagePullBackOff")];
    failing.extend(many);
    world.revision(2, deadline(1), &failing).await;
    world.state(2, State::Failed).await;
    world.revision(3, reverting(), &[config_map("a", "1")]).await;
    let ending = world.ending(3).await;
    assert_eq!((ending.ending, ending.live), (Ending::Failed, Some(1)));
    assert_eq!(codes(&ending.problems), ["prune_needs_confirmation"]);
    assert!(world.get(X).await.is_some() && world.get("/api/v1/namespaces/default/configmaps/d").await.is_some());
}

#[tokio::test]
async fn what_a_revert_took_away_needs_no_confirmation_to_go() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let mut failing = vec![config_map("a", "1"), deployment("x", "ImagePullBackOff")];
    failing.extend(["b", "c", "d"].map(|name| config_map(name, "1")));
    world.revision(2, reverting(), &failing).await;
    assert_eq!(world.ending(2).await.ending, Ending::Reverted);
    world.revision(3, Options::default(), &[config_map("a", "3")]).await;
    assert_eq!(world.ending(3).await.ending, Ending::Applied);
}

#[tokio::test]
async fn a_revert_is_noted_before_anything_is_brought_back() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    world.revision(2, reverting(), &[deployment("web", "ImagePullBackOff")]).await;
    assert_eq!(world.ending(2).await.ending, Ending::Reverted);
    let noted: Option<serde_json::Value> = world.context.records.note(&world.key, 2, "revert").await.unwrap();
    assert_eq!(noted.unwrap()["to"], 1);
}

#[tokio::test]
async fn a_rejected_revision_that_ended_first_hides_no_live_one() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    world.revision(2, Options::default(), &[config_map("a", "2"), deployment("web", "")]).await;
    // Refused while 2 was under way: 1 was live then.
    reject(&world, 3, Some(1)).await;
    assert_eq!(world.ending(2).await.ending, Ending::Applied);
    world.revision(4, reverting(), &[config_map("a", "4"), deployment("web", "ImagePullBackOff")]).await;
    let ending = world.ending(4).await;
    assert_eq!((ending.ending, ending.live), (Ending::Reverted, Some(2)));
    assert_eq!(world.get(A).await.unwrap()["data"]["key"], "2");
}

#[tokio::test]
async fn what_failed_before_goes_with_the_one_that_is_taken_back() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", ""), config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let kept = [deployment("web", ""), config_map("a", "2"), deployment("x", "ImagePullBackOff")];
    world.revision(2, deadline(1), &kept).await;
    world.state(2, State::Failed).await;
    assert!(world.get(X).await.is_some(), "what failed is kept to be looked at");
    world.revision(3, reverting(), &[deployment("web", "ImagePullBackOff"), config_map("a", "3")]).await;
    assert_eq!(world.ending(3).await.ending, Ending::Reverted);
    assert_eq!(world.get(A).await.unwrap()["data"]["key"], "1");
    let gone = || async { world.get(X).await.map_or(Ok(()), |left| Err(left["metadata"].to_string())) };
    testkit::until("the end of what failed before", SOON, gone).await.unwrap();
}
