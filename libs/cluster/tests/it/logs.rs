//! What is shown of the logs of a task's pods, on the sandbox: pods of the real API server do not run here.

use std::collections::BTreeSet;

use cluster::{LogOptions, Stop};
use domain::Rendered;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::json;

use crate::world::{World, config_map, deployment};

fn options(object: &str, container: &str) -> LogOptions {
    LogOptions { object: object.to_owned(), container: container.to_owned(), follow: false, tail: 1 }
}

async fn lines(world: &World, rendered: &Rendered, options: &LogOptions) -> Vec<String> {
    let stream = world.session().logs(rendered, options).await.unwrap();
    let bytes: Vec<_> = stream.collect().await;
    String::from_utf8(bytes.concat()).unwrap().lines().map(str::to_owned).collect()
}

async fn refused(world: &World, rendered: &Rendered, object: &str) -> String {
    match world.session().logs(rendered, &options(object, "")).await {
        Err(Stop::Failed(problems)) => problems[0].code.clone(),
        _ => panic!("{object} has logs"),
    }
}

/// So many pods of three containers each, one of which runs before the others.
async fn running(world: &World, replicas: u32) -> Rendered {
    let mut web = deployment("web", Some(replicas));
    let container = |name: &str| json!({"name": name, "image": "example/main:1"});
    let spec = &mut web["spec"]["template"]["spec"];
    spec["containers"] = json!([container("main"), container("side")]);
    spec["initContainers"] = json!([container("prepare")]);
    let rendered = world.rendered([web, config_map("settings", "1")]);
    world.session().apply(&rendered).await.unwrap();
    world.await_healthy(&rendered).await;
    rendered
}

#[tokio::test]
async fn every_container_is_shown_and_one_pod_can_be_named() {
    let world = World::sandbox().await;
    let rendered = running(&world, 2).await;
    let all = lines(&world, &rendered, &options("", "")).await;
    let sources: BTreeSet<_> = all.iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!((all.len(), sources.len()), (6, 6), "{all:#?}");
    assert_eq!(sources.iter().filter(|s| s.ends_with("/prepare")).count(), 2, "{sources:?}");
    assert_eq!(lines(&world, &rendered, &options("deployment/web", "prepare")).await.len(), 2);
    let (pod, _) = sources.first().unwrap().split_once('/').unwrap();
    let one = lines(&world, &rendered, &options(&format!("Pod/{pod}"), "")).await;
    assert!(one.len() == 3 && one.iter().all(|line| line.starts_with(pod)), "{one:#?}");
    for (object, code) in
        [("Deployment/none", "no_such_object"), ("Pod/none", "no_such_object"), ("ConfigMap/settings", "no_pods")]
    {
        assert_eq!(refused(&world, &rendered, object).await, code, "{object}");
    }
}

#[tokio::test]
async fn containers_that_are_left_out_are_told() {
    let world = World::sandbox().await;
    let rendered = running(&world, 7).await;
    let all = lines(&world, &rendered, &options("", "")).await;
    assert_eq!(all.len(), 21, "{all:#?}");
    assert!(all[20].starts_with("(20 of 21 containers; "), "{all:#?}");
    assert_eq!(lines(&world, &rendered, &options("", "main")).await.len(), 7);
    // A stream that goes on has no last line.
    let follow = LogOptions { follow: true, ..options("", "") };
    let mut stream = world.session().logs(&rendered, &follow).await.unwrap();
    let first = stream.next().now_or_never().flatten().unwrap();
    assert!(first.starts_with(b"(20 of 21 containers; "), "{first:?}");
}
