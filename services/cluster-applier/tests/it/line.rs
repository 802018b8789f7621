//! A task's way.

use std::time::{Duration, Instant};

use bootstrap::Access;
use domain::{Health, OnFailure, Options, State, TaskStatus, Tenant, record::Ending};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    races::reject,
    world::{HEALTHY, SOON, World, codes, config_map, deadline, deployment, job},
};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";

#[tokio::test]
async fn passive_objects_are_done_at_once_and_roll_back() {
    let world = World::start().await;
    let five: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|name| config_map(name, "1")).collect();
    let began = Instant::now();
    world.revision(1, Options::default(), &five).await;
    let status = world.state(1, State::Done).await;
    eprintln!("five passive objects: {:?} from validated to DONE", began.elapsed());
    assert_eq!((status.objects.len(), status.health, status.live_revision), (5, HEALTHY, Some(1)));
    world.delete(2).await;
    let status = world.state(2, State::RolledBack).await;
    assert_eq!((status.objects.len(), status.live_revision), (0, None));
    assert!(world.get("/api/v1/namespaces/default/configmaps/a").await.is_none());
    world.quiet().await;
}

#[tokio::test]
async fn a_task_with_workloads_tells_progress_until_it_is_done() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", ""), job("split", "2s")]).await;
    let status = world.state(1, State::Done).await;
    let messages: Vec<_> = status.objects.iter().map(|o| o.message.as_str()).collect();
    assert_eq!(messages, ["ready 2/2", "complete"]);
    let told = world.facts("task.progress");
    assert!(!told.is_empty());
    assert_eq!(world.facts("task.apply_started").len(), 1);
    let outcome = world.context.records.outcome(&world.key, 1).await.unwrap().unwrap();
    assert!(outcome.finished_jobs["default/split"].complete);
}

#[tokio::test]
async fn what_is_not_ready_in_time_fails_and_is_kept() {
    let world = World::start().await;
    world.revision(1, deadline(1), &[deployment("web", "ImagePullBackOff")]).await;
    let status = world.state(1, State::Failed).await;
    assert_eq!(codes(&status.revisions[0].problems), ["not_ready_in_time"]);
    assert!(status.revisions[0].problems[0].message.contains("ImagePullBackOff"));
    assert!(world.get(DEPLOYMENT).await.is_some());
}

#[tokio::test]
async fn a_job_that_runs_has_no_deadline() {
    let world = World::start().await;
    world.revision(1, deadline(1), &[job("long", "4s")]).await;
    world.state(1, State::Done).await;
}

#[tokio::test]
async fn what_is_disturbed_beside_a_job_has_the_whole_deadline_to_get_well() {
    let world = World::start().await;
    world.revision(1, deadline(6), &[deployment("web", ""), job("long", "16s")]).await;
    world.until(|s| s.objects.iter().any(|o| o.message == "ready 2/2")).await;
    // Longer than the deadline after the start.
    let began =
        world.get(DEPLOYMENT).await.unwrap()["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
    let passed = || async {
        let age = Timestamp::now().duration_since(began).as_secs();
        if age > 7 { Ok(()) } else { Err(format!("{age} s")) }
    };
    testkit::until("the deadline after the start", SOON, passed).await.unwrap();
    world.patch(DEPLOYMENT, &broken_patch()).await;
    world.until(|s| s.objects.iter().any(|o| o.object.kind == "Deployment" && o.health != HEALTHY)).await;
    world.patch(DEPLOYMENT, &json!({"spec": {"template": {"metadata": {"annotations": null}}}})).await;
    world.state(1, State::Done).await;
}

#[tokio::test]
async fn a_put_prunes_what_it_no_longer_has() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1"), config_map("b", "1")]).await;
    world.state(1, State::Done).await;
    world.revision(2, Options::default(), &[config_map("a", "2")]).await;
    world.state(2, State::Done).await;
    assert!(world.get("/api/v1/namespaces/default/configmaps/b").await.is_none());
    world.revision(3, Options::default(), &[config_map("c", "1")]).await;
    let status = world.state(3, State::Failed).await;
    assert_eq!(codes(&status.revisions[0].problems), ["prune_needs_confirmation"]);
    assert_eq!(status.live_revision, Some(2));
    assert!(world.get("/api/v1/namespaces/default/configmaps/c").await.is_none());
}

#[tokio::test]
async fn a_put_that_fails_goes_back_to_the_live_revision() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", ""), config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let reverting = Options { on_failure: OnFailure::Revert, ..deadline(1) };
    let broken = [deployment("web", "ImagePullBackOff"), config_map("a", "2"), config_map("new", "1")];
    world.revision(2, reverting, &broken).await;
    let status = world.until(|s| s.revisions[0].transitions.iter().any(|t| t.event == "task.reverted")).await;
    assert_eq!((status.state, status.live_revision), (State::Failed, Some(1)));
    assert_eq!(world.get("/api/v1/namespaces/default/configmaps/a").await.unwrap()["data"]["key"], "1");
    assert!(world.get("/api/v1/namespaces/default/configmaps/new").await.is_none());
    let outcome = world.context.records.outcome(&world.key, 2).await.unwrap().unwrap();
    assert_eq!((outcome.ending, outcome.live), (Ending::Reverted, Some(1)));
    world.patch(DEPLOYMENT, &broken_patch()).await;
    let status = world.until(|s| s.health == Health::Degraded).await;
    assert_eq!((status.state, status.live_revision), (State::Failed, Some(1)));
}

#[tokio::test]
async fn what_the_tenant_may_no_longer_do_is_not_gone_back_to_and_the_failure_says_why() {
    let mut world = World::idle().await;
    // A right that revision 1 was rendered with is withdrawn.
    let less = Tenant { allow: [].into(), ..Tenant::local() };
    world.context.access = Access::local(world.context.records.clone(), less);
    world.replica();
    let service = |kind: &str| {
        let spec = json!({"type": kind, "ports": [{"port": 80}], "selector": {"app": "web"}});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    };
    world.revision(1, Options::default(), &[deployment("web", ""), service("NodePort")]).await;
    world.state(1, State::Done).await;
    let reverting = Options { on_failure: OnFailure::Revert, ..deadline(1) };
    world.revision(2, reverting, &[deployment("web", "ImagePullBackOff"), service("ClusterIP")]).await;
    let status = world.state(2, State::Failed).await;
    let problems = &status.revisions[0].problems;
    assert_eq!(codes(problems), ["not_ready_in_time", "revert_failed", "denied"]);
    assert_eq!((problems[2].file.as_str(), problems[2].field.as_str()), ("a.yaml", "spec.type"));
    let live = world.get("/api/v1/namespaces/default/services/web").await.unwrap();
    assert_eq!(live["spec"]["type"], "ClusterIP");
    let outcome = world.context.records.outcome(&world.key, 2).await.unwrap().unwrap();
    assert_eq!((outcome.ending, outcome.live, outcome.objects.len()), (Ending::Failed, Some(1), 2));
}

/// As somebody else breaks a Deployment whose pods are healthy.
fn broken_patch() -> serde_json::Value {
    let broken = json!({sandbox::names::OUTCOME: "ImagePullBackOff"});
    let template = json!({"metadata": {"annotations": broken}});
    json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}, "template": template}})
}

#[tokio::test]
async fn health_is_told_after_done() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    world.patch(DEPLOYMENT, &broken_patch()).await;
    let status = world.until(|s| s.health == Health::Degraded).await;
    assert_eq!((status.state, status.objects[0].reason.as_str()), (State::Done, "ImagePullBackOff"));
    world.patch(DEPLOYMENT, &json!({"spec": {"template": {"metadata": {"annotations": null}}}})).await;
    world.until(|s| s.health == HEALTHY).await;
}

#[tokio::test]
async fn what_got_well_while_nobody_watched_is_told_by_who_comes_next() {
    let world = World::idle().await;
    let first = world.context.stopping.child_token();
    let running = world.replica_until(first.clone());
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    world.patch(DEPLOYMENT, &broken_patch()).await;
    world.until(|s| s.health == Health::Degraded).await;
    // A newer revision is refused, so that the task is not done; the one before it stays live.
    reject(&world, 2, Some(1)).await;
    world.state(2, State::Rejected).await;
    first.cancel();
    running.await.unwrap();
    world.patch(DEPLOYMENT, &json!({"spec": {"template": {"metadata": {"annotations": null}}}})).await;
    let available = || async {
        let live = world.get(DEPLOYMENT).await.unwrap();
        let status = &live["status"];
        let well = status["availableReplicas"] == 2 && status["observedGeneration"] == live["metadata"]["generation"];
        if well && status["updatedReplicas"] == 2 { Ok(()) } else { Err(status.to_string()) }
    };
    testkit::until("healthy pods", SOON, available).await.unwrap();
    assert_eq!(world.state(2, State::Rejected).await.health, Health::Degraded, "nobody has told it");
    world.replica();
    world.until(|s| s.health == HEALTHY).await;
}

#[tokio::test]
async fn health_that_changes_while_somebody_holds_the_task_is_told_then() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    let held = || async {
        let lease = world.context.states.acquire(&world.key, "another", Duration::from_secs(3)).await.unwrap();
        lease.ok_or("another holds it")
    };
    testkit::until("the lease", SOON, held).await.unwrap();
    world.patch(DEPLOYMENT, &broken_patch()).await;
    world.until(|s| s.health == Health::Degraded).await;
}

#[tokio::test]
async fn health_that_changed_back_before_its_facts_were_folded_is_told() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    let folding = world.folding.lock().await;
    world.patch(DEPLOYMENT, &broken_patch()).await;
    world.told(Health::Degraded).await;
    world.patch(DEPLOYMENT, &json!({"spec": {"template": {"metadata": {"annotations": null}}}})).await;
    world.told(HEALTHY).await;
    drop(folding);
    world.all_folded().await;
    world.until(|s| s.health == HEALTHY).await;
}

#[tokio::test]
async fn a_blocked_roll_back_names_what_holds_it_and_goes_on_by_itself() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let path = "/api/v1/namespaces/default/configmaps/a";
    world.patch(path, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    world.delete(2).await;
    let status = world.state(2, State::RollbackBlocked).await;
    assert!(status.revisions[0].problems[0].message.contains("`example.com/hold`"));
    world.patch(path, &json!({"metadata": {"finalizers": null}})).await;
    // Another DELETE resumes it at once; the first one would by itself.
    world.delete(3).await;
    world.state(3, State::RolledBack).await;
}

#[tokio::test]
async fn a_blocked_roll_back_tells_what_holds_it_now() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[config_map("a", "1"), config_map("b", "1")]).await;
    world.state(1, State::Done).await;
    let path = |name: &str| format!("/api/v1/namespaces/default/configmaps/{name}");
    for name in ["a", "b"] {
        world.patch(&path(name), &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    }
    world.delete(2).await;
    let left = |status: &TaskStatus| status.objects.iter().map(|o| o.object.name.clone()).collect::<Vec<_>>();
    let status = world.state(2, State::RollbackBlocked).await;
    assert_eq!(left(&status), ["a", "b"]);
    world.patch(&path("a"), &json!({"metadata": {"finalizers": null}})).await;
    world.until(|status| left(status) == ["b"]).await;
    world.patch(&path("b"), &json!({"metadata": {"finalizers": null}})).await;
    world.delete(3).await;
    world.state(3, State::RolledBack).await;
}

#[tokio::test]
async fn a_volume_that_was_kept_goes_with_a_later_revision_that_says_so() {
    let world = World::start().await;
    let claim = |name: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    };
    world.revision(1, Options::default(), &[claim("data"), claim("more"), config_map("a", "1")]).await;
    world.state(1, State::Done).await;
    let path = "/api/v1/namespaces/default/persistentvolumeclaims/data";
    for n in 2..4 {
        world.revision(n, Options::default(), &[config_map("a", &n.to_string())]).await;
        world.state(n, State::Done).await;
        let kept: Vec<_> = world.ending(n).await.kept.into_iter().map(|object| object.name).collect();
        assert_eq!(kept, ["data", "more"], "revision {n}");
        assert!(world.get(path).await.is_some());
    }
    let prune = Options { prune_volumes: true, confirm_prune: true, ..Options::default() };
    world.revision(4, prune, &[config_map("a", "4")]).await;
    world.state(4, State::Done).await;
    assert!(world.ending(4).await.kept.is_empty());
    assert!(world.get(path).await.is_none());
}
