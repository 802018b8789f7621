use serde_json::{Value, json};

use super::{Phase, assess};

fn merged(kind: &str, more: &Value) -> Value {
    let mut object = json!({"kind": kind, "metadata": {"name": "web", "namespace": "a", "uid": "u", "generation": 2}});
    for (key, value) in more.as_object().expect("a map") {
        object[key] = value.clone();
    }
    object
}

fn rollout(replicas: u32, updated: u32, ready: u32) -> Value {
    json!({"spec": {"replicas": 3}, "status": {"observedGeneration": 2, "replicas": replicas,
        "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
        "conditions": [{"type": "Available", "status": "True"}]}})
}

#[test]
fn the_table_judges_each_kind() {
    let condition = |kind: &str, reason: &str| json!({"status": {"active": 0, "conditions": [{"type": kind, "status": "True", "reason": reason, "message": "m"}]}});
    let cases = [
        ("ConfigMap", json!({}), Phase::Current, "applied"),
        ("HorizontalPodAutoscaler", json!({"status": {}}), Phase::Current, "applied"),
        ("Deployment", rollout(3, 3, 3), Phase::Current, "ready 3/3"),
        ("Deployment", rollout(3, 3, 2), Phase::InProgress, "ready 2/3"),
        ("Deployment", rollout(4, 3, 3), Phase::InProgress, "ready 3/3, 1 old to go"),
        (
            "Deployment",
            json!({"spec": {"replicas": 3}, "status": {"observedGeneration": 1}}),
            Phase::InProgress,
            "ready 0/3",
        ),
        ("StatefulSet", rollout(3, 3, 3), Phase::Current, "ready 3/3"),
        ("StatefulSet", rollout(3, 3, 1), Phase::InProgress, "ready 1/3"),
        ("Job", condition("Complete", ""), Phase::Current, "complete"),
        ("Job", condition("Failed", "BackoffLimitExceeded"), Phase::Failed, "failed: m"),
        ("Job", json!({"status": {"active": 2, "ready": 2}}), Phase::Unbounded, "2 running"),
        ("Job", json!({"status": {}}), Phase::InProgress, "starts"),
        ("Job", json!({"spec": {"suspend": true}, "status": {}}), Phase::Unbounded, "suspended"),
        (
            "PersistentVolumeClaim",
            json!({"status": {"phase": "Pending"}}),
            Phase::Current,
            "applied; bound when a pod first uses it",
        ),
        (
            "PersistentVolumeClaim",
            json!({"status": {"phase": "Lost"}}),
            Phase::Failed,
            "the volume that it was bound to is gone",
        ),
        ("Pod", json!({"status": {"phase": "Succeeded"}}), Phase::Current, "complete"),
        ("Pod", json!({"status": {"phase": "Pending"}}), Phase::InProgress, "pending"),
    ];
    for (kind, more, phase, message) in cases {
        let standing = assess(&merged(kind, &more), &[]);
        assert_eq!((standing.phase, standing.message.as_str()), (phase, message), "{kind} {more}");
    }
}

#[test]
fn a_job_counts_once_started_where_it_asks_for_that() {
    let mut job = merged("Job", &json!({"status": {"active": 1}}));
    job["metadata"]["annotations"] = json!({crate::WAIT_ANNOTATION: "started"});
    assert_eq!(assess(&job, &[]).phase, Phase::Current);
}

#[test]
fn no_progress_within_a_deployments_own_deadline_is_a_failure() {
    let conditions = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
    let live = merged("Deployment", &json!({"status": {"observedGeneration": 2, "conditions": conditions}}));
    let standing = assess(&live, &[]);
    assert_eq!((standing.phase, standing.reason.as_str()), (Phase::Failed, "ProgressDeadlineExceeded"));
}

fn pod(owner: &str, status: &Value) -> Value {
    let owner = json!([{"kind": "ReplicaSet", "name": owner, "uid": "r", "controller": true}]);
    json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "a", "ownerReferences": owner}, "status": status})
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"containerStatuses": [{"name": "main", "restartCount": 3,
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
        "state": {"waiting": {"reason": reason, "message": message}}}]})
}

#[test]
fn pods_say_why_a_workload_is_not_ready() {
    let live = merged("Deployment", &rollout(3, 3, 2));
    let unschedulable = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]});
    let root = "container has runAsNonRoot and image will run as root";
    let cases = [
        (unschedulable, "Unschedulable", Phase::InProgress),
        (waiting("ImagePullBackOff", "not found"), "ImagePullBackOff", Phase::InProgress),
        (waiting("CrashLoopBackOff", ""), "OOMKilled", Phase::InProgress),
        (
            waiting("CreateContainerConfigError", "secret \"x\" not found"),
            "CreateContainerConfigError",
            Phase::InProgress,
        ),
        (waiting("CreateContainerConfigError", root), "CreateContainerConfigError", Phase::Failed),
        (waiting("InvalidImageName", ""), "InvalidImageName", Phase::Failed),
    ];
    for (status, reason, phase) in cases {
        let standing = assess(&live, &[pod("web-5d4f", &status), pod("other-5d4f", &waiting("InvalidImageName", ""))]);
        assert_eq!((standing.reason.as_str(), standing.phase), (reason, phase), "{status}");
        assert!(standing.message.starts_with("ready 2/3: "), "{}", standing.message);
    }
    let hint = assess(&live, &[pod("web-5d4f", &waiting("CreateContainerConfigError", root))]).message;
    assert!(hint.contains("set `runAsUser`"), "{hint}");
}
