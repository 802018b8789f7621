use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::json;
use testkit::{Kubernetes, Options, until};

const SOON: Duration = Duration::from_secs(90);

#[tokio::test]
async fn workloads_run_complete_fail_and_go_as_annotated() {
    let Some(cluster) = Kubernetes::shared().await else { return };
    cluster.namespace("workloads").await;
    let client = cluster.client().await;
    let pod = |labels: serde_json::Value, annotations: serde_json::Value, restart: &str| {
        json!({"metadata": {"labels": labels, "annotations": annotations},
               "spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "i"}]}})
    };
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "workloads");
    let jobs: Api<Job> = Api::namespaced(client.clone(), "workloads");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "workloads");
    let deployment = |name: &str, annotations: serde_json::Value| {
        let template = pod(json!({"app": name}), annotations, "Always");
        let spec = json!({"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    };
    deployments.create(&PostParams::default(), &deployment("ready", json!({}))).await.unwrap();
    let outcome = json!({"sandbox.marea.dev/outcome": "ImagePullBackOff"});
    deployments.create(&PostParams::default(), &deployment("stuck", outcome)).await.unwrap();
    let job = |name: &str, annotations: serde_json::Value| {
        let spec = json!({"backoffLimit": 0, "template": pod(json!({}), annotations, "Never")});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    };
    jobs.create(&PostParams::default(), &job("good", json!({"sandbox.marea.dev/run-for": "1s"}))).await.unwrap();
    let crash = json!({"sandbox.marea.dev/outcome": "CrashLoopBackOff"});
    jobs.create(&PostParams::default(), &job("bad", crash)).await.unwrap();

    until("3 ready", SOON, || async {
        let status = deployments.get("ready").await.map_err(|e| e.to_string())?.status;
        if status.as_ref().and_then(|s| s.ready_replicas) == Some(3) { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await
    .unwrap();
    for (name, wanted) in [("good", "Complete"), ("bad", "Failed")] {
        until(wanted, SOON, || async {
            let status = jobs.get(name).await.map_err(|e| e.to_string())?.status.unwrap_or_default();
            let is = status.conditions.iter().flatten().any(|c| c.type_ == wanted && c.status == "True");
            if is { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await
        .unwrap();
    }
    until("a pod that waits for its image", SOON, || async {
        let list = pods.list(&ListParams::default().labels("app=stuck")).await.map_err(|e| e.to_string())?;
        let text = serde_json::to_string(&list.items).unwrap();
        if text.contains("ImagePullBackOff\",\"") || text.contains("\"reason\":\"ImagePullBackOff\"") {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await
    .unwrap();

    deployments.delete("ready", &DeleteParams::default()).await.unwrap();
    until("the garbage collector took its pods", SOON, || async {
        let left = pods.list_metadata(&ListParams::default().labels("app=ready")).await.map_err(|e| e.to_string())?;
        if left.items.is_empty() { Ok(()) } else { Err(format!("{} left", left.items.len())) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_volume_claim_is_bound() {
    let Some(cluster) = Kubernetes::shared().await else { return };
    cluster.namespace("volumes").await;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client().await, "volumes");
    let resources = json!({"requests": {"storage": "1Gi"}});
    let claim =
        json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources}});
    claims.create(&PostParams::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    until("bound", SOON, || async {
        let status = claims.get("data").await.map_err(|e| e.to_string())?.status.unwrap_or_default();
        if status.phase.as_deref() == Some("Bound") { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_api_server_alone_knows_users_and_survives_a_kill() {
    let Some(cluster) = Kubernetes::start(Options::api_server_only()).await else { return };
    cluster.namespace("alone").await;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client_as("somebody", &[]).await, "alone");
    let refused = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains("User \"somebody\" cannot list"), "{refused}");

    cluster.api_server().kill9();
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client().await, "alone");
    maps.list(&ListParams::default()).await.unwrap_err();
    cluster.api_server().restart();
    cluster.await_ready().await;
    maps.list(&ListParams::default()).await.unwrap();
}
