//! Everything goes.

use cluster::RollBack;
use domain::{ObjectRef, Rendered};
use http::Method;
use serde_json::json;

use crate::world::{SOON, World, config_map, deployment, job, service};

async fn rolled_back(world: &World, inventory: &[Rendered]) -> Vec<ObjectRef> {
    let probe = || async {
        match world.session().roll_back(inventory).await {
            Ok(RollBack::Done { kept }) => Ok(kept),
            other => Err(format!("{other:?}")),
        }
    };
    testkit::until("the roll back", SOON, probe).await.unwrap()
}

pub async fn everything_goes_and_the_parent_last(world: World) {
    let rendered =
        world.rendered([config_map("a", "1"), service("web"), deployment("web", Some(2)), job("once", "example/a:1")]);
    world.session().apply(&rendered).await.unwrap();
    world.await_healthy(&rendered).await;
    assert_eq!(rolled_back(&world, std::slice::from_ref(&rendered)).await, vec![]);
    for (root, rest) in [("/api/v1", "configmaps/a"), ("/api/v1", "services/web"), ("/apis/apps/v1", "deployments/web")]
    {
        assert!(world.get(root, rest).await.is_none(), "{rest}");
    }
    assert!(world.get("/api/v1", &format!("configmaps/{}", world.task.manager())).await.is_none());
    let pods =
        world.get("/api/v1", &format!("pods?labelSelector={}%3D{}", cluster::TASK_LABEL, world.task.key.id)).await;
    assert_eq!(pods.unwrap()["items"], json!([]));
    // Once more changes nothing.
    assert_eq!(rolled_back(&world, &[rendered]).await, vec![]);
}

pub async fn kept_objects_and_claims_are_listed(world: World) {
    let mut kept = config_map("kept", "1");
    kept["metadata"]["annotations"] = json!({cluster::ON_DELETE_ANNOTATION: "keep"});
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
        "template": crate::world::pod_template("db"),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}});
    let rendered = world.rendered([kept, set]);
    world.session().apply(&rendered).await.unwrap();
    let made = || async { world.get("/api/v1", "persistentvolumeclaims/data-db-0").await.ok_or("no claim yet") };
    testkit::until("the claim", SOON, made).await.unwrap();
    let kept = rolled_back(&world, &[rendered]).await;
    let names: Vec<_> = kept.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["ConfigMap/kept", "PersistentVolumeClaim/data-db-0"]);
    assert!(world.get("/api/v1", "configmaps/kept").await.is_some());
}

pub async fn a_finalizer_blocks_and_is_named(world: World) {
    let rendered = world.rendered([config_map("a", "1"), config_map("b", "1")]);
    world.session().apply(&rendered).await.unwrap();
    let path = world.path("/api/v1", "configmaps/a");
    world.send(Method::PATCH, &path, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    let RollBack::Pending { problems, objects } =
        world.session().roll_back(std::slice::from_ref(&rendered)).await.unwrap()
    else {
        panic!("it is not blocked")
    };
    assert_eq!((problems.len(), objects.len()), (1, 1));
    assert_eq!((problems[0].code.as_str(), problems[0].object.as_str()), ("rollback_blocked", "ConfigMap/a"));
    assert!(problems[0].message.contains("`example.com/hold`"), "{}", problems[0]);
    assert!(world.get("/api/v1", &format!("configmaps/{}", world.task.manager())).await.is_some());
    world.send(Method::PATCH, &path, &json!({"metadata": {"finalizers": []}})).await;
    assert_eq!(rolled_back(&world, &[rendered]).await, vec![]);
}

pub async fn what_is_written_after_a_roll_back_is_collected(world: World) {
    let rendered = world.rendered([config_map("a", "1")]);
    world.session().apply(&rendered).await.unwrap();
    let owner = world.get("/api/v1", "configmaps/a").await.unwrap()["metadata"]["ownerReferences"].clone();
    rolled_back(&world, std::slice::from_ref(&rendered)).await;
    let mut zombie = rendered.objects[0].manifest.clone();
    zombie["metadata"]["ownerReferences"] = owner;
    world.apply_as(&world.task.manager(), &world.path("/api/v1", "configmaps/a"), &zombie).await;
    world.await_gone("/api/v1", "configmaps/a").await;
}
