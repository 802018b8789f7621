//! Writes go out as the tenant's ServiceAccount; the process itself may only impersonate it. What an administrator sets
//! for the namespace holds.

use std::time::Duration;

use cluster::{Engine, Limits, SendUntil, Stop, Verdict};
use futures::future::join_all;
use http::Method;
use serde_json::json;

use crate::world::{World, config_map, deployment, task};

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

/// What is counted at the same time as something else is refused with a conflict after three tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_at_once_under_a_quota_are_all_applied() {
    const TASKS: usize = 60;
    let Some(world) = World::real().await else { return };
    let quota = json!({"metadata": {"name": "small"}, "spec": {"hard": {"count/configmaps": "1000"}}});
    world.create("/api/v1", "resourcequotas", quota).await;
    let counted = || async {
        let quota = world.get("/api/v1", "resourcequotas/small").await.unwrap_or_default();
        if quota["status"]["hard"].is_object() { Ok(()) } else { Err(quota.to_string()) }
    };
    testkit::until("the quota to be counted", crate::world::SOON, counted).await.unwrap();
    // As controllers and other API servers do all the time.
    let path = world.path("/api/v1", "resourcequotas/small");
    let counting = join_all((0..16).map(async |writer| {
        for number in 0.. {
            let change = json!({"metadata": {"annotations": {format!("writer-{writer}"): number.to_string()}}});
            world.send(Method::PATCH, &path, &change).await;
        }
    }));
    let applying = join_all((0..TASKS).map(async |n| {
        let task = task(&format!("task-{n}"));
        let rendered = world.rendered_of(&task, [config_map(&format!("config-{n}"), "1")]);
        let probe = || async {
            match world.session_of(&task).apply(&rendered).await {
                Err(Stop::Later(problems)) => Err(format!("{problems:?}")),
                last => Ok(last.map(drop)),
            }
        };
        testkit::until("an answer that is no refusal to be tried again", crate::world::SOON, probe).await.unwrap()
    }));
    // For a while: so many that nothing would ever be counted.
    let (applied, _) = tokio::join!(applying, tokio::time::timeout(Duration::from_secs(5), counting));
    let refused: Vec<_> = applied.into_iter().filter_map(Result::err).collect();
    assert!(refused.is_empty(), "{} of {TASKS} tasks, the first with {:?}", refused.len(), refused[0]);
}
