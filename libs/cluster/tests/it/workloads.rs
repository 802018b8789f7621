//! Health of what keeps running, and who says how many replicas.

use cluster::Verdict;
use http::Method;
use serde_json::{Value, json};

use crate::world::{SOON, World, autoscaler, deployment};

pub async fn a_deployment_becomes_healthy(world: World) {
    let rendered = world.rendered([deployment("web", Some(2))]);
    let applied = world.session().apply(&rendered).await.unwrap();
    assert!(matches!(applied.seen.verdict, Verdict::Pending(ref overdue) if !overdue.is_empty()));
    let seen = world.await_healthy(&rendered).await;
    assert_eq!(seen.objects[0].message, "ready 2/2");
    assert!(seen.objects[0].since.is_some());
}

pub async fn an_image_that_cannot_be_pulled_is_named(world: World) {
    let mut broken = deployment("web", Some(1));
    broken["spec"]["template"]["metadata"]["annotations"] = json!({"sandbox.marea.dev/outcome": "ImagePullBackOff"});
    let rendered = world.rendered([broken]);
    world.session().apply(&rendered).await.unwrap();
    let seen = world.await_verdict(&rendered, |seen| seen.objects[0].reason == "ImagePullBackOff").await;
    assert!(matches!(seen.verdict, Verdict::Pending(ref overdue) if !overdue.is_empty()), "{seen:?}");
    assert!(seen.objects[0].message.starts_with("ready 0/1: container `main`"), "{}", seen.objects[0].message);
    let why = world.session().why(&rendered).await.unwrap();
    assert_eq!(why.objects[0].pods[0].reason, "ImagePullBackOff");
}

/// Our manifest without `replicas`, as defaulting leaves it beside an autoscaler.
fn autoscaled() -> [Value; 2] {
    [deployment("worker", None), autoscaler("worker")]
}

pub async fn live_replicas_are_sent_while_we_alone_own_them(world: World) {
    world.apply([deployment("worker", Some(3))]).await;
    world.apply(autoscaled()).await;
    assert_eq!(world.get("/apis/apps/v1", "deployments/worker").await.unwrap()["spec"]["replicas"], 3);
}

pub async fn replicas_are_left_to_whoever_scaled(world: World) {
    world.apply([deployment("worker", Some(2))]).await;
    let scale =
        format!("{}?fieldManager=kube-controller-manager", world.path("/apis/apps/v1", "deployments/worker/scale"));
    world.send(Method::PATCH, &scale, &json!({"spec": {"replicas": 4}})).await;
    let replicas =
        || async { world.get("/apis/apps/v1", "deployments/worker").await.unwrap()["spec"]["replicas"].clone() };
    world.apply(autoscaled()).await;
    assert_eq!(replicas().await, 4);
    let applied = world.apply([deployment("worker", Some(2))]).await;
    assert_eq!(replicas().await, 4);
    assert_eq!(applied.warnings[0].code, "replicas_left");
    let rendered = world.rendered(autoscaled());
    let _ = (SOON, world.await_healthy(&rendered).await);
}
