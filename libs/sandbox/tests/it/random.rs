//! Seeded random applies by two managers, on two API servers: codes, causes and objects have to agree.

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Map, Value, json};

use crate::caller::{Caller, causes};

const ROUNDS: usize = 400;
const MANAGERS: [&str; 2] = ["one", "two"];

/// What varies from server to server and from time to time.
const VARYING: [&str; 12] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "time",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "storageClassName",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "finalizers",
    "status",
];

/// Applies the same random configurations to both.
pub async fn compare(real: &Caller, simulated: &Caller) {
    let seed = std::env::var("SANDBOX_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_260_102);
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut differences = Vec::new();
    for round in 0..ROUNDS {
        let (kind, full) = &kinds()[dice.random_range(0..kinds().len())];
        let name = format!("r-{}", dice.random_range(0..3));
        let manager = MANAGERS[dice.random_range(0..2)];
        let body = subset(&mut dice, full, true);
        let force = if dice.random_bool(0.3) { "&force=true" } else { "" };
        let one = real.apply_with(manager, kind, &name, &body, force).await;
        let two = simulated.apply_with(manager, kind, &name, &body, force).await;
        if let Some(difference) = differ(&one, &two) {
            differences.push(format!("round {round}: {manager} applies {kind}/{name}{force} {body}\n  {difference}"));
        }
        // Both go on from the same state.
        if dice.random_bool(0.1) || one.0 / 100 != two.0 / 100 {
            real.delete(kind, &name, &json!({"propagationPolicy": "Background"})).await;
            simulated.delete(kind, &name, &json!({"propagationPolicy": "Background"})).await;
        }
    }
    assert!(differences.is_empty(), "seed {seed}: {} differ:\n{}", differences.len(), differences.join("\n"));
}

fn differ(real: &(u16, Value), simulated: &(u16, Value)) -> Option<String> {
    if real.0 != simulated.0 {
        return Some(format!("code {} {} / {} {}", real.0, real.1["message"], simulated.0, simulated.1["message"]));
    }
    if real.0 >= 400 {
        // The API server validates a Job's template twice at an update, and repeats what it finds.
        let once = |mut causes: Vec<_>| (causes.dedup(), causes).1;
        let (one, two) = (once(causes(&real.1)), once(causes(&simulated.1)));
        return (one != two).then(|| format!("causes {one:?} / {two:?}"));
    }
    let (one, two) = (plain(&real.1), plain(&simulated.1));
    (one != two).then(|| paths(&one, &two, ""))
}

/// An object without what varies; managers in one order.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !VARYING.contains(&key.as_str()));
            let mut map: Map<String, Value> = kept.map(|(k, v)| (k.clone(), plain(v))).collect();
            if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                entries.sort_by_key(|e| (e["manager"].to_string(), e["operation"].to_string()));
            }
            map.into()
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// Where two values differ.
fn paths(one: &Value, two: &Value, path: &str) -> String {
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            let differing = keys.into_iter().filter(|k| a.get(*k) != b.get(*k));
            let of = |m: &Map<String, Value>, k: &str| m.get(k).cloned().unwrap_or_default();
            differing.map(|k| paths(&of(a, k), &of(b, k), &format!("{path}.{k}"))).collect::<Vec<_>>().join("; ")
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let differing = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            differing.map(|(n, (a, b))| paths(a, b, &format!("{path}[{n}]"))).collect::<Vec<_>>().join("; ")
        }
        _ => format!("{path}: {one} / {two}"),
    }
}

/// Fields that a configuration is nothing without.
const NEEDED: [&str; 13] = [
    "name",
    "selector",
    "template",
    "containers",
    "metadata",
    "image",
    "port",
    "schedule",
    "jobTemplate",
    "scaleTargetRef",
    "maxReplicas",
    "restartPolicy",
    "resources",
];

/// A random part of a configuration, with scalars changed now and then.
fn subset(dice: &mut SmallRng, value: &Value, whole: bool) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(key, value)| {
                let needed = NEEDED.contains(&key.as_str()) || (whole && key == "spec");
                let keep = needed || dice.random_bool(0.6);
                keep.then(|| (key.clone(), vary(dice, key, value)))
            });
            kept.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn vary(dice: &mut SmallRng, key: &str, value: &Value) -> Value {
    match (key, value) {
        ("selector" | "matchLabels" | "scaleTargetRef", value) => value.clone(),
        ("labels", value) => value.clone(),
        (_, Value::Object(_)) => subset(dice, value, false),
        (_, Value::Array(items)) if items.iter().all(Value::is_object) => {
            let last = items.len() - 1;
            let kept: Vec<usize> = (0..items.len()).filter(|n| *n == last || dice.random_bool(0.6)).collect();
            kept.into_iter().map(|n| subset(dice, &items[n], false)).collect()
        }
        ("replicas" | "revisionHistoryLimit" | "minReadySeconds", _) => dice.random_range(0..3).into(),
        ("image", _) => ["i:1", "i", "r.example:5000/i@sha256:aa"][dice.random_range(0..3)].into(),
        ("cpu" | "memory", _) => ["1000m", "0.5", "2"][dice.random_range(0..3)].into(),
        ("value" | "a" | "b" | "c" | "note", _) => ["x", "y", ""][dice.random_range(0..3)].into(),
        (_, value) => value.clone(),
    }
}

fn kinds() -> Vec<(&'static str, Value)> {
    let pod = json!({
        "containers": [{
            "name": "first", "image": "i:1", "command": ["a", "b"], "stdin": true, "tty": false,
            "env": [{"name": "A", "value": "x"}, {"name": "B", "value": "y"}],
            "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 53, "protocol": "UDP"}],
            "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1000m"}},
            "readinessProbe": {"httpGet": {"port": 80}, "initialDelaySeconds": 0},
            "securityContext": {"runAsNonRoot": false, "privileged": false},
        }, {"name": "second", "image": "i"}],
        "nodeSelector": {"a": "x", "b": "y"}, "hostNetwork": false, "terminationGracePeriodSeconds": 5,
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "m"}}],
        "tolerations": [{"key": "k", "operator": "Exists"}], "securityContext": {"fsGroup": 1},
        "serviceAccountName": "default", "automountServiceAccountToken": false,
    });
    let template = json!({"metadata": {"labels": {"app": "x"}, "annotations": {"note": "x"}}, "spec": pod});
    let metadata = json!({"labels": {"app": "x"}, "annotations": {"a": "x", "note": "y"}});
    let mut job = template.clone();
    job["spec"]["restartPolicy"] = json!("Never");
    let selector = json!({"matchLabels": {"app": "x"}});
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"});
    vec![
        ("ConfigMap", json!({"metadata": metadata, "data": {"a": "x", "b": "y", "c": "z"}})),
        ("Secret", json!({"metadata": metadata, "stringData": {"a": "x", "b": "y"}, "data": {"c": "eA=="}})),
        (
            "Service",
            json!({"metadata": metadata, "spec": {
                "selector": {"app": "x"}, "type": "NodePort", "sessionAffinity": "ClientIP",
                "ports": [
                    {"port": 80, "name": "web", "targetPort": "web"}, {"port": 53, "name": "dns", "protocol": "UDP"},
                    {"port": 443, "name": "tls", "appProtocol": "https"},
                ],
            }}),
        ),
        (
            "Deployment",
            json!({"metadata": metadata, "spec": {
                "replicas": 1, "selector": selector, "template": template, "minReadySeconds": 1, "paused": false,
                "revisionHistoryLimit": 2, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            }}),
        ),
        (
            "StatefulSet",
            json!({"metadata": metadata, "spec": {
                "replicas": 1, "selector": selector, "template": template, "minReadySeconds": 1,
                "updateStrategy": {"type": "OnDelete"}, "podManagementPolicy": "Parallel",
            }}),
        ),
        (
            "Job",
            json!({"metadata": metadata, "spec": {
                "template": job, "suspend": true, "parallelism": 2, "backoffLimit": 0, "ttlSecondsAfterFinished": 9,
            }}),
        ),
        (
            "CronJob",
            json!({"metadata": metadata, "spec": {
                "schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": job, "backoffLimit": 1}}, "suspend": true,
                "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 0,
            }}),
        ),
        (
            "HorizontalPodAutoscaler",
            json!({"metadata": metadata, "spec": {
                "scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            }}),
        ),
    ]
}
