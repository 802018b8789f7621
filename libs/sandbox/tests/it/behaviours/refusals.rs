//! What the API server refuses, with its causes.

use http::Method;
use serde_json::{Value, json};

use super::Behaviour;
use super::{apply::workload, defaults::job_body};
use crate::caller::{Caller, causes, path};

pub fn all(caller: &Caller) -> Vec<Behaviour<'_>> {
    vec![
        Box::pin(invalid(caller)),
        Box::pin(immutable(caller)),
        Box::pin(frozen(caller)),
        Box::pin(missing(caller)),
        Box::pin(names(caller)),
        Box::pin(versions(caller)),
    ]
}

/// Creates, and expects 422 with exactly those causes.
async fn refused(caller: &Caller, kind: &str, body: &Value, expected: &[(&str, &str)]) {
    let (code, answer) = caller.apply("one", kind, "refused", body).await;
    assert_eq!((code, &answer["reason"]), (422, &json!("Invalid")), "{kind}: {answer}");
    let expected: Vec<(String, String)> =
        expected.iter().map(|(reason, field)| (format!("FieldValue{reason}"), (*field).to_owned())).collect();
    assert_eq!(causes(&answer), expected, "{kind}: {answer}");
}

async fn invalid(caller: &Caller) {
    let mut body = workload();
    body["spec"]["template"]["metadata"]["labels"] = json!({"app": "y"});
    refused(caller, "Deployment", &body, &[("Invalid", "spec.template.metadata.labels")]).await;
    let mut body = workload();
    body["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
    let field = "spec.template.spec.containers[0].volumeMounts[0].name";
    refused(caller, "Deployment", &body, &[("NotFound", field)]).await;
    let mut body = workload();
    body["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    refused(caller, "Deployment", &body, &[("NotSupported", "spec.template.spec.restartPolicy")]).await;
    let mut body = workload();
    body["spec"]["template"]["spec"]["containers"] = json!([]);
    refused(caller, "Deployment", &body, &[("Required", "spec.template.spec.containers")]).await;
    let mut body = workload();
    body["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("image");
    refused(caller, "Deployment", &body, &[("Required", "spec.template.spec.containers[0].image")]).await;
    let mut body = job_body();
    body["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    refused(caller, "Job", &body, &[("Required", "spec.template.spec.restartPolicy")]).await;
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"});
    let body = json!({"spec": {"minReplicas": 5, "maxReplicas": 3, "scaleTargetRef": target}});
    refused(caller, "HorizontalPodAutoscaler", &body, &[("Invalid", "spec.maxReplicas")]).await;
    let body = json!({"spec": {"accessModes": ["ReadWriteOnce"]}});
    refused(caller, "PersistentVolumeClaim", &body, &[("Required", "spec.resources[storage]")]).await;
    refused(caller, "Service", &json!({"spec": {"selector": {"a": "b"}}}), &[("Required", "spec.ports")]).await;
    refused(caller, "ConfigMap", &json!({"data": {"a b": "c"}}), &[("Invalid", "data[a b]")]).await;
    let body = json!({"metadata": {"labels": {"a": "b c"}}});
    refused(caller, "ConfigMap", &body, &[("Invalid", "metadata.labels")]).await;
}

async fn immutable(caller: &Caller) {
    let forced = |kind: &'static str, body: Value| async move {
        let (code, answer) = caller.apply_with("one", kind, "fixed", &body, "&force=true").await;
        (code, causes(&answer), answer)
    };
    let mut body = workload();
    caller.apply("one", "Deployment", "fixed", &body).await;
    caller.apply("one", "StatefulSet", "fixed", &body).await;
    body["spec"]["selector"]["matchLabels"] = json!({"app": "x", "b": "c"});
    body["spec"]["template"]["metadata"]["labels"] = json!({"app": "x", "b": "c"});
    let (code, list, answer) = forced("Deployment", body.clone()).await;
    assert_eq!((code, list), (422, vec![("FieldValueInvalid".into(), "spec.selector".into())]), "{answer}");
    let (code, list, answer) = forced("StatefulSet", body).await;
    assert_eq!((code, list), (422, vec![("FieldValueForbidden".into(), "spec".into())]), "{answer}");
    let mut body = job_body();
    caller.apply("one", "Job", "fixed", &body).await;
    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    let (code, list, answer) = forced("Job", body).await;
    assert_eq!((code, list), (422, vec![("FieldValueInvalid".into(), "spec.template".into())]), "{answer}");
    let claim = |modes: &str| json!({"spec": {"accessModes": [modes], "storageClassName": "s", "resources": {"requests": {"storage": "1Gi"}}}});
    caller.apply("one", "PersistentVolumeClaim", "fixed", &claim("ReadWriteOnce")).await;
    let (code, list, answer) = forced("PersistentVolumeClaim", claim("ReadWriteMany")).await;
    assert_eq!((code, list), (422, vec![("FieldValueForbidden".into(), "spec".into())]), "{answer}");
    caller.apply("one", "Service", "fixed", &json!({"spec": {"ports": [{"port": 80}]}})).await;
    let body = json!({"spec": {"clusterIP": "None", "ports": [{"port": 80}]}});
    let (code, list, answer) = forced("Service", body).await;
    assert_eq!((code, list), (422, vec![("FieldValueInvalid".into(), "spec.clusterIPs[0]".into())]), "{answer}");
}

async fn frozen(caller: &Caller) {
    caller.apply("one", "ConfigMap", "frozen", &json!({"immutable": true, "data": {"a": "b"}})).await;
    let (code, body) = caller.apply("one", "ConfigMap", "frozen", &json!({"data": {"a": "c"}})).await;
    let expected = ["data", "immutable"].map(|f| ("FieldValueForbidden".to_owned(), f.to_owned()));
    assert_eq!((code, causes(&body)), (422, expected.to_vec()), "{body}");
    caller.apply("one", "Secret", "typed", &json!({"type": "a/b"})).await;
    let (code, body) = caller.apply("one", "Secret", "typed", &json!({"type": "a/c"})).await;
    assert_eq!((code, causes(&body)), (422, vec![("FieldValueInvalid".into(), "type".into())]), "{body}");
}

async fn missing(caller: &Caller) {
    let (code, body) = caller.get("ConfigMap", "nothing").await;
    assert_eq!((code, &body["reason"]), (404, &json!("NotFound")));
    assert_eq!(body["message"], "configmaps \"nothing\" not found");
    assert_eq!(body["details"], json!({"name": "nothing", "kind": "configmaps"}));
    let nowhere = Caller { namespace: "nowhere".to_owned(), ..caller.clone() };
    let (code, body) = nowhere.apply("one", "ConfigMap", "a", &json!({"data": {"a": "b"}})).await;
    assert_eq!((code, &body["message"]), (404, &json!("namespaces \"nowhere\" not found")), "{body}");
    let (code, body) = caller.delete("Deployment", "nothing", &Value::Null).await;
    assert_eq!((code, &body["details"]["group"]), (404, &json!("apps")));
    assert_eq!(nowhere.list("ConfigMap", "").await, Vec::<Value>::new());
}

async fn names(caller: &Caller) {
    let (code, body) = caller.apply("one", "ConfigMap", "Not_a_name", &json!({})).await;
    assert_eq!((code, causes(&body)), (422, vec![("FieldValueInvalid".into(), "metadata.name".into())]), "{body}");
    let (code, body) = caller.create("ConfigMap", &json!({"metadata": {"generateName": "made-"}})).await;
    assert_eq!(code, 201, "{body}");
    assert_eq!(body["metadata"]["name"].as_str().map(str::len), Some("made-".len() + 5));
    let twice = json!({"metadata": {"name": "twice"}});
    assert_eq!(caller.create("ConfigMap", &twice).await.0, 201);
    let (code, body) = caller.create("ConfigMap", &twice).await;
    assert_eq!((code, &body["reason"]), (409, &json!("AlreadyExists")), "{body}");
}

async fn versions(caller: &Caller) {
    let (_, first) = caller.create("ConfigMap", &json!({"metadata": {"name": "old"}, "data": {"a": "1"}})).await;
    let mut second = first.clone();
    second["data"]["a"] = json!("2");
    assert_eq!(caller.replace("ConfigMap", "old", &second).await.0, 200);
    let (code, body) = caller.replace("ConfigMap", "old", &second).await;
    assert_eq!((code, &body["reason"]), (409, &json!("Conflict")), "{body}");
    let uri = format!("{}/old?fieldManager=one", path(&caller.namespace, "ConfigMap"));
    let other = json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "old"}});
    let (code, body) = caller.send(Method::PATCH, &uri, "application/apply-patch+yaml", &other).await;
    assert_eq!(code, 400, "{body}");
}
