//! The lives of objects under the controllers, on a clock that is moved by hand.

use std::time::Duration;

use sandbox::{Clock, Options, Sandbox};
use serde_json::{Value, json};

use crate::caller::Caller;

fn options() -> Options {
    Options { clock: Clock::Manual("2026-01-02T03:04:05Z".parse().unwrap()), ..Options::default() }
}

async fn cluster() -> (Sandbox, Caller) {
    let sandbox = Sandbox::new(options());
    sandbox.advance(Duration::ZERO).await;
    let caller = Caller { client: sandbox.client(), namespace: "default".to_owned() };
    (sandbox, caller)
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({"spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "x"}}, "template": {
        "metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": image}]},
    }}})
}

fn job(annotations: &Value) -> Value {
    json!({"spec": {"template": {"metadata": {"annotations": annotations}, "spec": {
        "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}],
    }}}})
}

async fn seconds(sandbox: &Sandbox, seconds: u64) {
    sandbox.advance(Duration::from_secs(seconds)).await;
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    static NONE: Value = Value::Null;
    object["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind).unwrap_or(&NONE)
}

#[tokio::test]
async fn a_deployment_becomes_ready_rolls_and_goes_with_all_it_made() {
    let (sandbox, caller) = cluster().await;
    let (code, body) = caller.apply("one", "Deployment", "x", &deployment(3, "i:1")).await;
    assert_eq!(code, 201, "{body}");
    seconds(&sandbox, 2).await;
    let (_, body) = caller.get("Deployment", "x").await;
    assert_eq!(body["status"]["readyReplicas"], 3, "{body}");
    assert_eq!(body["status"]["observedGeneration"], 1);
    let progressing = condition(&body, "Progressing");
    assert_eq!(progressing["reason"], "NewReplicaSetAvailable");
    assert!(progressing["message"].as_str().unwrap().contains("simulated"));
    caller.apply("one", "Deployment", "x", &deployment(3, "i:2")).await;
    seconds(&sandbox, 10).await;
    let (_, body) = caller.get("Deployment", "x").await;
    assert_eq!((&body["status"]["updatedReplicas"], &body["status"]["replicas"]), (&json!(3), &json!(3)), "{body}");
    assert_eq!(body["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!(caller.list("ReplicaSet", "").await.len(), 2);
    let images = caller.list("Pod", "").await;
    assert!(images.iter().all(|p| p["spec"]["containers"][0]["image"] == "i:2"), "{images:?}");
    caller.delete("Deployment", "x", &Value::Null).await;
    seconds(&sandbox, 2).await;
    assert_eq!(caller.list("ReplicaSet", "").await.len() + caller.list("Pod", "").await.len(), 0);
}

#[tokio::test]
async fn a_stateful_set_makes_its_pods_in_order_and_keeps_its_claims() {
    let (sandbox, caller) = cluster().await;
    let mut body = deployment(2, "i:1");
    body["spec"]["serviceName"] = json!("x");
    let claim = json!({"metadata": {"name": "d"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }});
    body["spec"]["volumeClaimTemplates"] = json!([claim]);
    caller.apply("one", "StatefulSet", "x", &body).await;
    sandbox.advance(Duration::from_millis(200)).await;
    assert_eq!(caller.list("Pod", "").await.len(), 1, "the second waits for the first");
    seconds(&sandbox, 3).await;
    let (_, found) = caller.get("StatefulSet", "x").await;
    assert_eq!((&found["status"]["readyReplicas"], &found["status"]["updatedReplicas"]), (&json!(2), &json!(2)));
    assert_eq!(caller.get("PersistentVolumeClaim", "d-x-1").await.1["status"]["phase"], "Bound");
    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    caller.apply("one", "StatefulSet", "x", &body).await;
    seconds(&sandbox, 10).await;
    let pods = caller.list("Pod", "").await;
    assert!(pods.len() == 2 && pods.iter().all(|p| p["spec"]["containers"][0]["image"] == "i:2"), "{pods:?}");
    caller.delete("StatefulSet", "x", &Value::Null).await;
    seconds(&sandbox, 2).await;
    assert_eq!((caller.list("Pod", "").await.len(), caller.list("PersistentVolumeClaim", "").await.len()), (0, 2));
}

#[tokio::test]
async fn a_job_that_is_deleted_in_the_foreground_goes_with_its_pods_wherever_they_are() {
    let (sandbox, caller) = cluster().await;
    for milliseconds in [0, 20, 500, 3_000] {
        caller.apply("one", "Job", "x", &job(&json!({"sandbox.marea.dev/run-for": "2s"}))).await;
        sandbox.advance(Duration::from_millis(milliseconds)).await;
        let (code, body) = caller.delete("Job", "x", &json!({"propagationPolicy": "Foreground"})).await;
        assert_eq!(code, 200, "{body}");
        seconds(&sandbox, 1).await;
        let (code, body) = caller.get("Job", "x").await;
        assert_eq!((code, caller.list("Pod", "").await), (404, vec![]), "after {milliseconds} ms: {body}");
    }
}

#[tokio::test]
async fn a_job_completes_and_goes_when_its_time_to_live_is_over() {
    let (sandbox, caller) = cluster().await;
    let mut body = job(&json!({"sandbox.marea.dev/run-for": "3s"}));
    body["spec"]["ttlSecondsAfterFinished"] = json!(60);
    body["spec"]["completions"] = json!(3);
    body["spec"]["parallelism"] = json!(2);
    let (code, made) = caller.apply("one", "Job", "x", &body).await;
    assert_eq!(code, 201, "{made}");
    seconds(&sandbox, 2).await;
    let (_, found) = caller.get("Job", "x").await;
    assert_eq!((&found["status"]["active"], &found["status"]["ready"]), (&json!(2), &json!(2)), "{found}");
    seconds(&sandbox, 10).await;
    let (_, found) = caller.get("Job", "x").await;
    assert_eq!(found["status"]["succeeded"], 3, "{found}");
    for kind in ["SuccessCriteriaMet", "Complete"] {
        assert_eq!(condition(&found, kind)["status"], "True", "{found}");
        assert_eq!(condition(&found, kind)["reason"], "CompletionsReached");
    }
    assert!(found["status"]["completionTime"].is_string());
    let pods = caller.list("Pod", "labelSelector=job-name%3Dx").await;
    assert!(pods.iter().all(|p| p["metadata"]["finalizers"].is_null()), "{pods:?}");
    seconds(&sandbox, 61).await;
    assert_eq!(caller.get("Job", "x").await.0, 404);
    assert_eq!(caller.list("Pod", "").await.len(), 0);
}

#[tokio::test]
async fn a_job_that_crashes_fails_at_its_backoff_limit() {
    let (sandbox, caller) = cluster().await;
    let mut body = job(&json!({"sandbox.marea.dev/outcome": "OOMKilled"}));
    body["spec"]["backoffLimit"] = json!(1);
    caller.apply("one", "Job", "x", &body).await;
    seconds(&sandbox, 5).await;
    let (_, found) = caller.get("Job", "x").await;
    assert_eq!((&found["status"]["failed"], condition(&found, "Failed")), (&json!(1), &Value::Null), "{found}");
    seconds(&sandbox, 60).await;
    let (_, found) = caller.get("Job", "x").await;
    assert_eq!(condition(&found, "Failed")["reason"], "BackoffLimitExceeded", "{found}");
    assert_eq!(condition(&found, "FailureTarget")["status"], "True");
    let pods = caller.list("Pod", "").await;
    assert_eq!(pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]["reason"], "OOMKilled");
}

#[tokio::test]
async fn pods_meet_the_outcome_that_their_annotation_says() {
    let (sandbox, caller) = cluster().await;
    let outcomes = ["ImagePullBackOff", "CrashLoopBackOff", "Unschedulable"];
    for outcome in outcomes {
        let mut body = deployment(1, "i:1");
        body["spec"]["selector"]["matchLabels"]["app"] = json!(outcome);
        let metadata = json!({"labels": {"app": outcome}, "annotations": {"sandbox.marea.dev/outcome": outcome}});
        body["spec"]["template"]["metadata"] = metadata;
        caller.apply("one", "Deployment", &outcome.to_lowercase(), &body).await;
    }
    seconds(&sandbox, 120).await;
    let of = |outcome: &'static str| {
        let caller = caller.clone();
        async move { caller.list("Pod", &format!("labelSelector=app%3D{outcome}")).await[0].clone() }
    };
    let waiting = |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].clone();
    assert_eq!(waiting(&of("ImagePullBackOff").await), "ImagePullBackOff");
    let crashing = of("CrashLoopBackOff").await;
    assert!(crashing["status"]["containerStatuses"][0]["restartCount"].as_i64() > Some(1), "{crashing}");
    let lost = of("Unschedulable").await;
    assert_eq!(condition(&lost, "PodScheduled")["reason"], "Unschedulable");
    seconds(&sandbox, 600).await;
    let (_, late) = caller.get("Deployment", "unschedulable").await;
    assert_eq!(condition(&late, "Progressing")["reason"], "ProgressDeadlineExceeded", "{late}");
}

#[tokio::test]
async fn a_pod_waits_for_the_config_map_that_it_refers_to() {
    let (sandbox, caller) = cluster().await;
    let mut body = deployment(1, "i:1");
    body["spec"]["template"]["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "later"}}]);
    caller.apply("one", "Deployment", "x", &body).await;
    seconds(&sandbox, 5).await;
    let pod = caller.list("Pod", "").await[0].clone();
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "CreateContainerConfigError", "{pod}");
    caller.apply("one", "ConfigMap", "later", &json!({"data": {"a": "b"}})).await;
    seconds(&sandbox, 5).await;
    assert_eq!(caller.get("Deployment", "x").await.1["status"]["readyReplicas"], 1);
}

#[tokio::test]
async fn an_autoscaler_follows_the_cpu_that_pods_say_they_use() {
    let (sandbox, caller) = cluster().await;
    let mut body = deployment(3, "i:1");
    body["spec"]["template"]["metadata"]["annotations"] = json!({"sandbox.marea.dev/cpu": "140%"});
    caller.apply("one", "Deployment", "x", &body).await;
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"});
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}});
    let scaler = json!({"spec": {
        "minReplicas": 3, "maxReplicas": 15, "scaleTargetRef": target, "metrics": [{"type": "Resource", "resource": cpu}],
    }});
    caller.apply("one", "HorizontalPodAutoscaler", "x", &scaler).await;
    seconds(&sandbox, 40).await;
    let (_, found) = caller.get("Deployment", "x").await;
    assert_eq!(found["spec"]["replicas"], 12, "from 3 to 6 to 12");
    let managers = found["metadata"]["managedFields"].as_array().unwrap();
    let scale = managers.iter().find(|e| e["subresource"] == "scale").expect("the scale's manager");
    assert_eq!(scale["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    seconds(&sandbox, 30).await;
    let (_, found) = caller.get("HorizontalPodAutoscaler", "x").await;
    assert_eq!(
        (&found["status"]["desiredReplicas"], condition(&found, "ScalingActive")["status"].as_str()),
        (&json!(15), Some("True"))
    );
}

#[tokio::test]
async fn a_cron_job_starts_jobs_when_they_are_due_and_keeps_a_few() {
    let (sandbox, caller) = cluster().await;
    let body = json!({"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": job(&json!({}))["spec"]}}});
    caller.apply("one", "CronJob", "x", &body).await;
    seconds(&sandbox, 3600).await;
    let (_, found) = caller.get("CronJob", "x").await;
    assert_eq!(found["status"]["lastScheduleTime"], "2026-01-02T04:00:00Z", "{found}");
    assert_eq!(caller.list("Job", "").await.len(), 3);
}

#[tokio::test]
async fn what_is_written_for_an_owner_that_is_gone_is_collected() {
    let (sandbox, caller) = cluster().await;
    let (_, parent) = caller.apply("one", "ConfigMap", "parent", &json!({"data": {"a": "b"}})).await;
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": parent["metadata"]["uid"]}]);
    let child = json!({"metadata": {"ownerReferences": owner}, "data": {"a": "b"}});
    caller.apply("one", "ConfigMap", "child", &child).await;
    seconds(&sandbox, 1).await;
    assert_eq!(caller.get("ConfigMap", "child").await.0, 200);
    caller.delete("ConfigMap", "parent", &Value::Null).await;
    seconds(&sandbox, 1).await;
    assert_eq!(caller.get("ConfigMap", "child").await.0, 404);
    caller.apply("one", "ConfigMap", "zombie", &child).await;
    seconds(&sandbox, 1).await;
    assert_eq!(caller.get("ConfigMap", "zombie").await.0, 404);
}

#[tokio::test]
async fn a_namespace_takes_all_that_is_inside_with_it() {
    let (sandbox, caller) = cluster().await;
    let inside = Caller::new(caller.client.clone(), "team").await;
    seconds(&sandbox, 1).await;
    assert_eq!(inside.get("ServiceAccount", "default").await.0, 200);
    inside.apply("one", "Deployment", "x", &deployment(1, "i:1")).await;
    inside.apply("one", "ConfigMap", "held", &json!({"metadata": {"finalizers": ["a.b/c"]}})).await;
    seconds(&sandbox, 2).await;
    caller.delete("Namespace", "team", &Value::Null).await;
    let (code, body) = inside.apply("one", "ConfigMap", "late", &json!({"data": {"a": "b"}})).await;
    assert_eq!((code, &body["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")), "{body}");
    seconds(&sandbox, 5).await;
    assert_eq!(caller.get("Namespace", "team").await.0, 200, "a finalizer holds it");
    inside.merge("ConfigMap", "held", &json!({"metadata": {"finalizers": null}})).await;
    seconds(&sandbox, 5).await;
    assert_eq!(caller.get("Namespace", "team").await.0, 404);
}

#[tokio::test]
async fn a_foreground_deletion_waits_for_dependents_and_an_orphaning_one_frees_them() {
    let (sandbox, caller) = cluster().await;
    caller.apply("one", "Deployment", "x", &deployment(2, "i:1")).await;
    seconds(&sandbox, 2).await;
    caller.delete("Deployment", "x", &json!({"propagationPolicy": "Foreground"})).await;
    assert_eq!(caller.get("Deployment", "x").await.0, 200);
    seconds(&sandbox, 3).await;
    assert_eq!(caller.get("Deployment", "x").await.0, 404);
    assert_eq!(caller.list("Pod", "").await.len(), 0);
    caller.apply("one", "Deployment", "y", &deployment(2, "i:1")).await;
    seconds(&sandbox, 2).await;
    caller.delete("Deployment", "y", &json!({"propagationPolicy": "Orphan"})).await;
    seconds(&sandbox, 2).await;
    assert_eq!(caller.get("Deployment", "y").await.0, 404);
    let sets = caller.list("ReplicaSet", "").await;
    assert!(sets.len() == 1 && sets[0]["metadata"]["ownerReferences"].is_null(), "{sets:?}");
    assert_eq!(caller.list("Pod", "").await.len(), 2);
}
