//! Writes go out as the tenant's ServiceAccount; the process itself may only impersonate it.

use std::time::Duration;

use cluster::{Engine, Limits, SendUntil, Stop, Verdict};
use http::Method;
use serde_json::json;

use crate::world::{World, config_map, deployment};

/// Makes the account, what it may do, and gives a client that may do nothing but impersonate it.
async fn least(world: &World, cluster: &testkit::Kubernetes) -> kube::Client {
    let namespace = &world.namespace;
    world.create("/api/v1", "serviceaccounts", json!({"metadata": {"name": "tenant"}})).await;
    let rules = json!([{"apiGroups": ["", "apps"], "resources": ["configmaps", "deployments", "pods"],
        "verbs": ["get", "list", "create", "patch", "delete"]}]);
    let roles = "/apis/rbac.authorization.k8s.io/v1";
    world.create(roles, "roles", json!({"metadata": {"name": "tenant"}, "rules": rules})).await;
    let subject = json!([{"kind": "ServiceAccount", "name": "tenant", "namespace": namespace}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"});
    world
        .create(roles, "rolebindings", json!({"metadata": {"name": "tenant"}, "subjects": subject, "roleRef": role}))
        .await;
    let rules = json!([{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"], "resourceNames": ["tenant"]}]);
    world.create(roles, "roles", json!({"metadata": {"name": "applier"}, "rules": rules})).await;
    let subject = json!([{"kind": "User", "name": "applier", "apiGroup": "rbac.authorization.k8s.io"}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "applier"});
    world
        .create(roles, "rolebindings", json!({"metadata": {"name": "applier"}, "subjects": subject, "roleRef": role}))
        .await;
    cluster.client_as("applier", &[]).await
}

#[tokio::test]
async fn the_tenants_account_writes_and_the_process_itself_may_not() {
    let Some(world) = World::real().await else { return };
    let Some(cluster) = testkit::Kubernetes::shared().await else { return };
    let engine = Engine::new(least(&world, cluster).await, Limits::default());
    let session = |run_as| engine.session(world.task.clone(), run_as, SendUntil::always(), Duration::from_secs(20));
    let rendered = world.rendered([config_map("a", "1"), deployment("web", Some(1))]);
    let refused = session(None).apply(&rendered).await;
    assert!(matches!(refused, Err(Stop::Failed(ref p)) if p[0].code == "forbidden_by_cluster"), "{refused:?}");
    let account = format!("system:serviceaccount:{}:tenant", world.namespace);
    let session = session(Some(&account));
    session.apply(&rendered).await.unwrap();
    let seen = world.await_healthy(&rendered).await;
    assert_eq!(seen.verdict, Verdict::Healthy);
    let probe = || async {
        match session.roll_back(std::slice::from_ref(&rendered)).await {
            Ok(cluster::RollBack::Done { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    testkit::until("the roll back", crate::world::SOON, probe).await.unwrap();
}

#[tokio::test]
async fn a_terminating_namespace_is_named() {
    let Some(world) = World::real().await else { return };
    world
        .create("/api/v1", "configmaps", json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}))
        .await;
    let path = format!("/api/v1/namespaces/{}", world.namespace);
    world.send(Method::DELETE, &path, &json!({})).await;
    let problems = world.refused([config_map("a", "1")]).await;
    assert_eq!(problems[0].code, "namespace_terminating");
    world
        .send(Method::PATCH, &world.path("/api/v1", "configmaps/held"), &json!({"metadata": {"finalizers": null}}))
        .await;
}
