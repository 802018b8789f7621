//! What the API server adds.

use serde_json::{Value, json};

use super::Behaviour;
use super::apply::workload;
use crate::caller::Caller;

pub fn all(caller: &Caller) -> Vec<Behaviour<'_>> {
    vec![
        Box::pin(deployment(caller)),
        Box::pin(stateful_set(caller)),
        Box::pin(job(caller)),
        Box::pin(cron_job(caller)),
        Box::pin(service(caller)),
        Box::pin(rest(caller)),
        Box::pin(zeros(caller)),
    ]
}

async fn deployment(caller: &Caller) {
    let (code, body) = caller.apply("one", "Deployment", "defaults", &workload()).await;
    assert_eq!(code, 201, "{body}");
    let spec = json!({
        "replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": {
            "containers": [{
                "name": "c", "image": "i:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                "ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "A", "value": "1"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }},
    });
    assert_eq!(body["spec"], spec);
    assert_eq!(body["status"], json!({}));
}

async fn stateful_set(caller: &Caller) {
    let mut body = workload();
    body["spec"]["serviceName"] = json!("s");
    let claim = json!({"metadata": {"name": "d"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}},
    }});
    body["spec"]["volumeClaimTemplates"] = json!([claim]);
    let (code, made) = caller.apply("one", "StatefulSet", "defaults", &body).await;
    assert_eq!(code, 201, "{made}");
    let spec = &made["spec"];
    assert_eq!(spec["podManagementPolicy"], "OrderedReady");
    assert_eq!(spec["updateStrategy"]["type"], "RollingUpdate");
    assert_eq!(spec["updateStrategy"]["rollingUpdate"]["partition"], 0);
    assert_eq!(spec["persistentVolumeClaimRetentionPolicy"], json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
    let claim = &spec["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!((&claim["kind"], &claim["status"]["phase"]), (&json!("PersistentVolumeClaim"), &json!("Pending")));
    let (code, again) = caller.apply("one", "StatefulSet", "defaults", &body).await;
    assert_eq!(code, 200, "{again}");
    assert_eq!(again["metadata"]["generation"], 1, "claims that are spelt otherwise are no change");
}

/// A suspended `kind: Job`.
pub fn job_body() -> Value {
    json!({"spec": {"suspend": true, "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}],
    }}}})
}

async fn job(caller: &Caller) {
    let (code, body) = caller.apply("one", "Job", "defaults", &job_body()).await;
    assert_eq!(code, 201, "{body}");
    let (spec, uid) = (&body["spec"], &body["metadata"]["uid"]);
    for (field, value) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ("manualSelector", json!(false)),
        ("selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})),
    ] {
        assert_eq!(spec[field], value, "{field}");
    }
    let labels = json!({
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": "defaults",
        "controller-uid": uid, "job-name": "defaults",
    });
    assert_eq!(spec["template"]["metadata"]["labels"], labels);
    assert_eq!(spec["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always");
    let (code, again) = caller.apply("one", "Job", "defaults", &job_body()).await;
    assert_eq!((code, &again["metadata"]["generation"]), (200, &json!(1)), "{again}");
}

async fn cron_job(caller: &Caller) {
    let body = json!({"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job_body()["spec"]}}});
    let (code, body) = caller.apply("one", "CronJob", "defaults", &body).await;
    assert_eq!(code, 201, "{body}");
    for (field, value) in [
        ("concurrencyPolicy", json!("Allow")),
        ("suspend", json!(false)),
        ("successfulJobsHistoryLimit", json!(3)),
        ("failedJobsHistoryLimit", json!(1)),
    ] {
        assert_eq!(body["spec"][field], value, "{field}");
    }
    assert!(body["spec"]["jobTemplate"]["spec"]["parallelism"].is_null(), "{body}");
}

async fn service(caller: &Caller) {
    let body = json!({"spec": {"ports": [{"port": 80, "targetPort": "web"}, {"port": 81, "name": "b"}]}});
    let (code, body) = caller.apply("one", "Service", "unnamed", &body).await;
    assert_eq!((code, &body["reason"]), (422, &json!("Invalid")), "{body}");
    let body = json!({"spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let (code, made) = caller.apply("one", "Service", "defaults", &body).await;
    assert_eq!(code, 201, "{made}");
    let spec = &made["spec"];
    assert!((30000..32768).contains(&spec["ports"][0]["nodePort"].as_i64().unwrap()), "{spec}");
    assert_eq!((&spec["ports"][0]["protocol"], &spec["ports"][0]["targetPort"]), (&json!("TCP"), &json!(80)));
    assert!(spec["clusterIP"].as_str().is_some_and(|ip| ip.contains('.')), "{spec}");
    for (field, value) in [
        ("clusterIPs", json!([spec["clusterIP"]])),
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", json!("SingleStack")),
        ("sessionAffinity", json!("None")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("externalTrafficPolicy", json!("Cluster")),
    ] {
        assert_eq!(spec[field], value, "{field}");
    }
    assert_eq!(made["status"], json!({"loadBalancer": {}}));
    let (code, again) = caller.apply("one", "Service", "defaults", &body).await;
    assert_eq!((code, &again["spec"]), (200, spec));
}

async fn rest(caller: &Caller) {
    let (_, body) = caller.apply("one", "Secret", "defaults", &json!({"stringData": {"a": "b"}})).await;
    assert_eq!((&body["type"], &body["data"]), (&json!("Opaque"), &json!({"a": "Yg=="})));
    assert!(body["stringData"].is_null());
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"});
    let body = json!({"spec": {"maxReplicas": 3, "scaleTargetRef": target}});
    let (code, body) = caller.apply("one", "HorizontalPodAutoscaler", "defaults", &body).await;
    assert_eq!(code, 201, "{body}");
    assert_eq!(body["spec"]["minReplicas"], 1);
    assert_eq!(body["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    let (_, namespace) = caller.get("Namespace", &caller.namespace).await;
    let uri = format!("/api/v1/namespaces/{}", caller.namespace);
    let (code, found) = caller.send(http::Method::GET, &uri, "", &Value::Null).await;
    assert_eq!((code, &found["status"]["phase"]), (200, &json!("Active")), "{namespace}");
    assert_eq!(found["metadata"]["labels"]["kubernetes.io/metadata.name"], json!(caller.namespace));
    assert_eq!(found["spec"]["finalizers"], json!(["kubernetes"]));
}

/// A zero that was sent is not an absent value where it says something of its own.
async fn zeros(caller: &Caller) {
    let sleep = json!({"preStop": {"sleep": {"seconds": 0}}});
    let iscsi = json!({"targetPortal": "127.0.0.1", "iqn": "iqn.2015-02.example.com:test", "lun": 0});
    let mut body = workload();
    let pod = &mut body["spec"]["template"]["spec"];
    pod["securityContext"] = json!({"fsGroup": 0, "windowsOptions": {"hostProcess": false}});
    pod["volumes"] = json!([{"name": "v", "iscsi": iscsi}]);
    pod["containers"][0]["lifecycle"] = sleep.clone();
    let (code, body) = caller.apply("one", "Deployment", "zeros", &body).await;
    assert_eq!(code, 201, "{body}");
    let pod = &body["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["lifecycle"], sleep);
    assert_eq!(pod["volumes"][0]["iscsi"]["lun"], 0);
    assert_eq!(pod["securityContext"], json!({"fsGroup": 0, "windowsOptions": {"hostProcess": false}}));
    let containers = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]});
    let job = json!({"suspend": true, "completionMode": "Indexed", "completions": 2, "backoffLimitPerIndex": 0,
        "maxFailedIndexes": 0, "template": {"spec": containers}});
    let cron =
        json!({"schedule": "0 0 1 1 *", "suspend": true, "startingDeadlineSeconds": 0, "jobTemplate": {"spec": job}});
    let (code, body) = caller.apply("one", "CronJob", "zeros", &json!({"spec": cron})).await;
    assert_eq!(code, 201, "{body}");
    let job = &body["spec"]["jobTemplate"]["spec"];
    let zeros = [&body["spec"]["startingDeadlineSeconds"], &job["backoffLimitPerIndex"], &job["maxFailedIndexes"]];
    assert_eq!(zeros, [0, 0, 0], "{body}");
}
