//! What is not the task's own.

use serde_json::json;

use crate::world::{World, config_map, deployment, task};

pub async fn a_foreign_object_is_refused_before_anything_is_written(world: World) {
    world.create("/api/v1", "configmaps", config_map("b", "theirs")).await;
    let problems = world.refused([config_map("a", "1"), config_map("b", "1"), config_map("c", "1")]).await;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].code.as_str(), problems[0].object.as_str()), ("already_exists", "ConfigMap/b"));
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("a.yaml", 1));
    assert_eq!(world.counts().1, 0);
    assert_eq!(world.get("/api/v1", "configmaps/b").await.unwrap()["data"]["key"], "theirs");
}

pub async fn another_tasks_object_is_refused_with_its_name(world: World) {
    let other = task("garden");
    let theirs = world.rendered_of(&other, [config_map("a", "theirs")]);
    world.session_of(&other).apply(&theirs).await.unwrap();
    let written = world.counts().1;
    let problems = world.refused([config_map("a", "1")]).await;
    assert_eq!(problems[0].code, "owned_by_task");
    assert!(problems[0].message.contains("`garden`"), "{}", problems[0]);
    assert_eq!(world.counts().1, written);
}

pub async fn a_conflict_names_the_manager_and_the_field(world: World) {
    world.apply([config_map("a", "1")]).await;
    let mut theirs = config_map("a", "theirs");
    theirs["metadata"]["namespace"] = json!(world.namespace);
    world.apply_as("kubectl", &world.path("/api/v1", "configmaps/a"), &theirs).await;
    let problems = world.refused([config_map("a", "2")]).await;
    assert_eq!(problems[0].code, "conflict");
    assert_eq!(problems[0].field, "data.key");
    assert!(problems[0].message.contains("`kubectl`"), "{}", problems[0]);
    assert_eq!(world.get("/api/v1", "configmaps/a").await.unwrap()["data"]["key"], "theirs");
}

pub async fn a_conflict_with_our_own_manager_is_forced(world: World) {
    world.apply([config_map("a", "1")]).await;
    let path = world.path("/api/v1", "configmaps/a");
    let own = format!("{}-state", world.task.manager());
    let mut theirs = config_map("a", "2");
    theirs["metadata"]["namespace"] = json!(world.namespace);
    world.apply_as(&own, &path, &theirs).await;
    world.apply([config_map("a", "3")]).await;
    assert_eq!(world.get("/api/v1", "configmaps/a").await.unwrap()["data"]["key"], "3");
}

pub async fn immutable_fields_are_refused_by_name(world: World) {
    world.apply([deployment("web", Some(1))]).await;
    let mut changed = deployment("web", Some(1));
    changed["spec"]["selector"]["matchLabels"] = json!({"app": "web", "more": "x"});
    changed["spec"]["template"]["metadata"]["labels"] = json!({"app": "web", "more": "x"});
    let problems = world.refused([changed]).await;
    assert_eq!((problems[0].code.as_str(), problems[0].field.as_str()), ("immutable_field", "spec.selector"));
}
