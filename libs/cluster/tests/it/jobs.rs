//! A `kind: Job` runs once.

use cluster::{Stop, Verdict};
use http::Method;
use serde_json::{Value, json};

use crate::world::{World, config_map, deployment, job, waiting_job};

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

/// A Job that does not end, and would be removed soon after its end.
fn with_ttl(seconds: u32) -> Value {
    let mut job = waiting_job("once", "example/a:1");
    job["spec"]["ttlSecondsAfterFinished"] = json!(seconds);
    job
}

async fn exists(world: &World) -> bool {
    world.get("/apis/batch/v1", "jobs/once").await.is_some()
}

/// What became of an apply that must not make the Job: the code of its problem.
async fn not_made(world: &World, rendered: &domain::Rendered) -> String {
    let problems = match world.session().apply(rendered).await {
        Err(Stop::Failed(problems)) => problems,
        Ok(applied) => match applied.seen.verdict {
            Verdict::Failed(problems) => problems,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert!(!exists(world).await, "it was run again");
    problems[0].code.clone()
}

pub async fn a_job_that_may_have_run_before_a_crash_is_not_run_again(world: World) {
    let rendered = world.rendered([with_ttl(0)]);
    world.dying(true).apply(&rendered).await.unwrap_err();
    assert!(exists(&world).await, "it was made, and nobody noted it");
    delete(&world).await;
    // The real controller told of it in an event.
    let code = not_made(&world, &rendered).await;
    assert!(["job_outcome_unknown", "job_end_unknown"].contains(&code.as_str()), "{code}");
    assert_eq!(not_made(&world, &rendered).await, code);
    let mut changed = with_ttl(0);
    changed["spec"]["backoffLimit"] = json!(1);
    world.apply([changed]).await;
    assert!(exists(&world).await);
}

pub async fn a_job_whose_events_tell_its_end_is_not_run_again(world: World) {
    let rendered = world.rendered([with_ttl(0), config_map("a", "1")]);
    world.dying(true).apply(&rendered).await.unwrap_err();
    let now = world.get("/apis/batch/v1", "jobs/once").await.unwrap()["metadata"]["creationTimestamp"].clone();
    let about = json!({"kind": "Job", "apiVersion": "batch/v1", "namespace": world.namespace, "name": "once",
        "uid": uid(&world).await});
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "once.1"}, "involvedObject": about,
        "reason": "Completed", "message": "Job completed", "type": "Normal", "firstTimestamp": now,
        "lastTimestamp": now, "source": {"component": "job-controller"}, "reportingComponent": "", "reportingInstance": ""});
    delete(&world).await;
    world.create("/api/v1", "events", event).await;
    assert_eq!(world.session().apply(&rendered).await.unwrap().seen.verdict, Verdict::Healthy);
    assert!(!exists(&world).await);
    assert_eq!(world.session().check(&rendered).await.unwrap().verdict, Verdict::Healthy);
}

pub async fn a_job_that_a_crash_kept_from_being_made_is_made(world: World) {
    let rendered = world.rendered([with_ttl(3_600)]);
    world.dying(false).apply(&rendered).await.unwrap_err();
    assert!(!exists(&world).await);
    world.session().apply(&rendered).await.unwrap();
    assert!(exists(&world).await, "it could not have ended and gone within an hour");
    let rendered = world.rendered([waiting_job("for-good", "example/a:1")]);
    world.dying(false).apply(&rendered).await.unwrap_err();
    world.session().apply(&rendered).await.unwrap();
    assert!(world.get("/apis/batch/v1", "jobs/for-good").await.is_some(), "without a TTL it would be there");
    let mut replacing = with_ttl(1);
    replacing["metadata"]["name"] = json!("soon");
    replacing["metadata"]["annotations"] = json!({cluster::REPLACE_ANNOTATION: "true"});
    let rendered = world.rendered([replacing]);
    world.dying(false).apply(&rendered).await.unwrap_err();
    world.session().apply(&rendered).await.unwrap();
    assert!(world.get("/apis/batch/v1", "jobs/soon").await.is_some(), "whoever says so may run it anyway");
}

pub async fn a_job_that_an_earlier_tier_kept_from_being_made_is_made(world: World) {
    let mut broken = deployment("web", Some(1));
    broken["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    world.refused([broken, with_ttl(0)]).await;
    assert!(!exists(&world).await);
    world.apply([with_ttl(0)]).await;
    assert!(exists(&world).await, "no request for it was ever sent");
}

pub async fn a_job_with_a_ttl_costs_one_more_read(world: World) {
    world.apply([with_ttl(60), config_map("a", "1")]).await;
    assert_eq!(world.counts(), (2 + 1, 2 + 2));
}
