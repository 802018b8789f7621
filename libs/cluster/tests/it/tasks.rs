//! The common way of a task.

use cluster::Verdict;
use domain::Health;
use http::Method;
use serde_json::{Value, json};

use crate::world::{World, config_map, secret, service};

fn five() -> [Value; 5] {
    [config_map("a", "1"), config_map("b", "1"), secret("c", "1"), service("d"), service("e")]
}

pub async fn a_first_apply_costs_a_read_and_a_write_an_object(world: World) {
    world.apply(five()).await;
    // The parent is made, and told at the end what was applied.
    assert_eq!(world.counts(), (5, 5 + 2));
}

pub async fn passive_objects_are_healthy_with_the_answers(world: World) {
    let seen = world.apply(five()).await.seen;
    assert_eq!(seen.verdict, Verdict::Healthy);
    assert!(seen.observed > 0);
    let object = world.get("/api/v1", "configmaps/a").await.unwrap();
    let parent = world.get("/api/v1", &format!("configmaps/{}", world.task.manager())).await.unwrap();
    assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], parent["metadata"]["uid"]);
    assert_eq!(object["metadata"]["ownerReferences"][0]["blockOwnerDeletion"], Value::Null);
}

pub async fn applying_again_changes_nothing(world: World) {
    world.apply(five()).await;
    let before = world.get("/api/v1", "configmaps/a").await;
    let counted = world.counts();
    world.apply(five()).await;
    assert_eq!(world.get("/api/v1", "configmaps/a").await, before);
    // Nothing is new to be remembered.
    assert_eq!(world.counts(), (counted.0 + 5, counted.1 + 5 + 1));
}

pub async fn what_a_stale_writer_left_is_applied_again(world: World) {
    let rendered = world.rendered(five());
    world.session().apply(&rendered).await.unwrap();
    let calm = world.session().check(&rendered).await.unwrap();
    assert_eq!(calm.overwritten, vec![]);
    let mut stale = world.rendered([service("d")]).objects.remove(0).manifest;
    stale["spec"]["ports"][0]["port"] = json!(81);
    // The API server's clock of field managers counts seconds.
    let probe = || async {
        world.apply_as(&world.task.manager(), &world.path("/api/v1", "services/d"), &stale).await;
        let seen = world.session().check(&rendered).await.unwrap();
        if seen.overwritten.is_empty() { Err("not seen") } else { Ok(seen) }
    };
    let seen = testkit::until("the stale write to be seen", crate::world::SOON, probe).await.unwrap();
    assert_eq!(seen.overwritten[0].to_string(), "Service/d");
    world.session().apply(&rendered).await.unwrap();
    let repaired = world.get("/api/v1", "services/d").await.unwrap();
    assert_eq!(repaired["spec"]["ports"][0]["port"], 80);
    assert_eq!(world.session().check(&rendered).await.unwrap().overwritten, vec![]);
}

pub async fn a_missing_object_is_reported_and_applied_again(world: World) {
    let rendered = world.rendered(five());
    world.session().apply(&rendered).await.unwrap();
    world.send(Method::DELETE, &world.path("/api/v1", "configmaps/b"), &Value::Null).await;
    let seen = world.session().check(&rendered).await.unwrap();
    assert_eq!(seen.overwritten[0].to_string(), "ConfigMap/b");
    assert_eq!(seen.health(), Health::Progressing);
    assert_eq!(seen.objects[1].reason, "Missing");
    world.session().apply(&rendered).await.unwrap();
    assert_eq!(world.session().check(&rendered).await.unwrap().verdict, Verdict::Healthy);
}

pub async fn a_missing_namespace_is_refused_by_name(mut world: World) {
    world.namespace.push_str("-none");
    let problems = world.refused([config_map("a", "1")]).await;
    assert_eq!(problems[0].code, "namespace_missing");
    assert!(problems[0].message.contains(&world.namespace), "{}", problems[0]);
}

pub async fn a_namespace_is_made_where_that_is_allowed(mut world: World) {
    world.namespace.push_str("-new");
    let mut rendered = world.rendered([config_map("a", "1")]);
    rendered.make_namespaces = true;
    let applied = world.session().apply(&rendered).await.unwrap();
    assert_eq!(applied.seen.verdict, Verdict::Healthy);
}
