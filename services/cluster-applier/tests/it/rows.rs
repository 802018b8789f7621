//! What is asked for once is not done in two rows of checks, and what is told twice says the same.

use std::sync::atomic::Ordering::Relaxed;

use domain::{Action, Fact, FactBody, Options, Outcome, State, record::Ending};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{SOON, World, config_map, deadline, deployment};

/// When the row of each check began that was asked for, of one revision.
fn checks(world: &World, revision: u64) -> Vec<String> {
    let published = world.published.lock();
    let checks = published.iter().filter(|m| m.kind == "dev.marea.task.check.v1").map(|m| m.data::<Value>().unwrap());
    checks.filter(|c| c["revision"] == revision).map(|c| c["started"].to_string()).collect()
}

/// Awaits that some check of a revision was asked for.
async fn checked(world: &World, revision: u64) {
    let probe = || async { if checks(world, revision).is_empty() { Err("no check was asked for") } else { Ok(()) } };
    testkit::until("the first check", SOON, probe).await.unwrap();
}

/// Awaits that, once everything was handled, three more checks of a revision are of one row: several rows take turns.
async fn one_row(world: &World, revision: u64) {
    world.quiet().await;
    let before = checks(world, revision).len();
    let probe = || async {
        let rows = checks(world, revision);
        let last = &rows[before.max(rows.len().saturating_sub(3))..];
        if last.len() == 3 && last.iter().all(|row| *row == last[0]) { Ok(()) } else { Err(format!("{rows:#?}")) }
    };
    testkit::until("one row of checks", SOON, probe).await.unwrap();
}

#[tokio::test]
async fn a_delete_that_overtakes_an_apply_has_one_row_of_checks() {
    let mut world = World::idle().await;
    world.rollback_seconds = 600;
    world.replica();
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let path = "/api/v1/namespaces/default/configmaps/a";
    world.patch(path, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    // The roll back is under way and waits; then the apply that it overtook comes, and comes again.
    world.command(2, Action::Apply { sources: vec![] }, Options::default()).await;
    let rendered = world.context.records.rendered(&world.key, 1).await.unwrap().unwrap();
    world.context.records.put_rendered(&world.key, 2, &rendered).await.unwrap();
    world.delete(3).await;
    checked(&world, 3).await;
    for _ in 0..3 {
        world.publish(2, FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }).await;
        world.publish(3, FactBody::RollbackRequested {}).await;
    }
    one_row(&world, 3).await;
    assert_eq!(world.facts("task.applied").len(), 1);
    world.patch(path, &json!({"metadata": {"finalizers": null}})).await;
    world.delete(4).await;
    world.state(4, State::RolledBack).await;
}

#[tokio::test]
async fn a_revision_that_is_asked_for_again_has_one_row_of_checks() {
    let world = World::start().await;
    world.replica();
    world.revision(1, Options::default(), &[deployment("web", "ImagePullBackOff")]).await;
    for _ in 0..5 {
        world.publish(1, FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }).await;
    }
    one_row(&world, 1).await;
    world.delete(2).await;
    world.state(2, State::RolledBack).await;
}

#[tokio::test]
async fn an_ending_that_is_published_again_tells_the_version_that_was_seen() {
    let world = World::idle().await;
    let (objects, kept, live) = (vec![], vec![], Some(1));
    let outcome = Outcome {
        ending: Ending::Applied,
        time: Timestamp::now(),
        problems: vec![],
        objects,
        observed: 4_711,
        kept,
        live,
        finished_jobs: [].into(),
    };
    world.context.records.put_outcome(&world.key, 1, &outcome).await.unwrap();
    // The process died before it published the fact.
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.replica();
    world.state(1, State::Done).await;
    let told: Vec<Fact> = world.facts("task.applied");
    assert!(matches!(told[0].body, FactBody::Applied { observed: 4_711, .. }), "{told:?}");
}

/// A step that comes again begins a row, notes it, and may end before its first check is asked for: by a crash, or as here
/// because the broker refuses. Whoever tries again finds a row noted that is nobody's.
#[tokio::test]
async fn a_row_whose_first_check_was_refused_is_begun_anew() {
    let world = World::start().await;
    world.revision(1, deadline(4), &[deployment("web", "ImagePullBackOff")]).await;
    checked(&world, 1).await;
    world.refused.store(2, Relaxed);
    world.state(1, State::Failed).await;
    assert_eq!(world.refused.load(Relaxed), 0);
    world.quiet().await;
}
