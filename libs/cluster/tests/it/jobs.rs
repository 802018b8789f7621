//! A `kind: Job` runs once.

use cluster::Verdict;
use http::Method;
use serde_json::{Value, json};

use crate::world::{World, config_map, job, waiting_job};

async fn uid(world: &World) -> Value {
    world.get("/apis/batch/v1", "jobs/once").await.unwrap()["metadata"]["uid"].clone()
}

async fn delete(world: &World) {
    world
        .send(Method::DELETE, &world.path("/apis/batch/v1", "jobs/once?propagationPolicy=Background"), &Value::Null)
        .await;
    world.await_gone("/apis/batch/v1", "jobs/once").await;
}

pub async fn a_finished_job_is_not_run_again(world: World) {
    let rendered = world.rendered([job("once", "example/a:1")]);
    world.session().apply(&rendered).await.unwrap();
    let seen = world.await_healthy(&rendered).await;
    assert_eq!((seen.objects[0].reason.as_str(), seen.objects[0].message.as_str()), ("Complete", "complete"));
    let finished = &seen.finished_jobs[&format!("{}/once", world.namespace)];
    assert!(finished.complete);
    assert_eq!(uid(&world).await, finished.uid.as_str());
    let written = world.counts().1;
    assert_eq!(world.session().apply(&rendered).await.unwrap().seen.verdict, Verdict::Healthy);
    // Only the parent.
    assert_eq!(world.counts().1, written + 1);
}

pub async fn a_finished_job_that_is_gone_is_not_run_again(world: World) {
    let rendered = world.rendered([job("once", "example/a:1"), config_map("a", "1")]);
    world.session().apply(&rendered).await.unwrap();
    world.await_healthy(&rendered).await;
    delete(&world).await;
    assert_eq!(world.session().check(&rendered).await.unwrap().verdict, Verdict::Healthy);
    assert_eq!(world.session().apply(&rendered).await.unwrap().seen.verdict, Verdict::Healthy);
    assert!(world.get("/apis/batch/v1", "jobs/once").await.is_none());
}

pub async fn a_job_that_vanished_before_its_end_was_seen_fails(world: World) {
    let rendered = world.rendered([waiting_job("once", "example/a:1"), config_map("a", "1")]);
    world.session().apply(&rendered).await.unwrap();
    delete(&world).await;
    for seen in [world.session().check(&rendered).await, world.session().apply(&rendered).await.map(|a| a.seen)] {
        let Verdict::Failed(problems) = seen.unwrap().verdict else { panic!("it counts as complete") };
        assert_eq!(problems[0].code, "job_end_unknown");
        assert!(problems[0].message.contains("ttlSecondsAfterFinished"), "{problems:?}");
    }
}

pub async fn a_changed_job_that_finished_is_made_anew(world: World) {
    let first = world.rendered([job("once", "example/a:1")]);
    world.session().apply(&first).await.unwrap();
    world.await_healthy(&first).await;
    let before = uid(&world).await;
    let second = world.rendered([job("once", "example/a:2")]);
    world.session().apply(&second).await.unwrap();
    assert_ne!(uid(&world).await, before);
    world.await_healthy(&second).await;
}

pub async fn a_changed_job_that_runs_is_refused_unless_it_may_be_replaced(world: World) {
    world.apply([waiting_job("once", "example/a:1")]).await;
    let (before, written) = (uid(&world).await, world.counts().1);
    let problems = world.refused([config_map("a", "1"), waiting_job("once", "example/a:2")]).await;
    assert_eq!(problems[0].code, "job_running");
    assert_eq!(world.counts().1, written);
    let mut replacing = waiting_job("once", "example/a:2");
    replacing["metadata"]["annotations"] = json!({cluster::REPLACE_ANNOTATION: "true"});
    world.apply([replacing]).await;
    assert_ne!(uid(&world).await, before);
}

pub async fn going_back_to_a_job_that_ran_does_not_run_it_again(world: World) {
    let first = world.rendered([job("once", "example/a:1")]);
    world.session().apply(&first).await.unwrap();
    world.await_healthy(&first).await;
    let second = world.rendered([waiting_job("once", "example/a:2")]);
    world.session().apply(&second).await.unwrap();
    let back = world.session().apply(&first).await.unwrap();
    assert_eq!(back.seen.verdict, Verdict::Healthy, "{:?}", back.seen.objects);
    world.await_gone("/apis/batch/v1", "jobs/once").await;
}
