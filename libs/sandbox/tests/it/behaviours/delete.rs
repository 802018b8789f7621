//! Deletion, and lists.

use http::Method;
use serde_json::{Value, json};

use super::Behaviour;
use super::apply::workload;
use crate::caller::{Caller, path};

pub fn all(caller: &Caller) -> Vec<Behaviour<'_>> {
    vec![
        Box::pin(preconditions(caller)),
        Box::pin(finalizers(caller)),
        Box::pin(propagation(caller)),
        Box::pin(lists(caller)),
        Box::pin(metadata(caller)),
    ]
}

async fn preconditions(caller: &Caller) {
    let (_, body) = caller.apply("one", "ConfigMap", "sure", &json!({"data": {"a": "b"}})).await;
    let uid = &body["metadata"]["uid"];
    let (code, body) = caller.delete("ConfigMap", "sure", &json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!((code, &body["reason"]), (409, &json!("Conflict")), "{body}");
    let (code, body) = caller.delete("ConfigMap", "sure", &json!({"preconditions": {"uid": uid}})).await;
    assert_eq!((code, &body["status"], &body["details"]["uid"]), (200, &json!("Success"), uid), "{body}");
    assert_eq!(caller.get("ConfigMap", "sure").await.0, 404);
}

async fn finalizers(caller: &Caller) {
    let body = json!({"metadata": {"finalizers": ["example.org/f"]}, "data": {"a": "b"}});
    caller.apply("one", "ConfigMap", "held", &body).await;
    let (code, body) = caller.delete("ConfigMap", "held", &json!({"propagationPolicy": "Background"})).await;
    assert_eq!(code, 200, "{body}");
    let (_, body) = caller.get("ConfigMap", "held").await;
    assert!(body["metadata"]["deletionTimestamp"].is_string(), "{body}");
    assert_eq!(body["metadata"]["deletionGracePeriodSeconds"], 0);
    let (code, body) = caller.merge("ConfigMap", "held", &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200, "{body}");
    assert_eq!(caller.get("ConfigMap", "held").await.0, 404);
}

async fn propagation(caller: &Caller) {
    caller.apply("one", "Deployment", "fore", &workload()).await;
    let (code, body) = caller.delete("Deployment", "fore", &json!({"propagationPolicy": "Foreground"})).await;
    assert_eq!(code, 200, "{body}");
    assert_eq!(body["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert_eq!(body["metadata"]["generation"], 2);
    let (code, body) = caller.delete("Deployment", "counted", &json!({"propagationPolicy": "Sideways"})).await;
    assert!((400..=422).contains(&code), "{body}");
}

async fn lists(caller: &Caller) {
    for n in 0..5 {
        let labels = json!({"listed": "yes", "n": n.to_string()});
        caller.apply("one", "ConfigMap", &format!("listed-{n}"), &json!({"metadata": {"labels": labels}})).await;
    }
    let count = |query: &'static str| async move { caller.list("ConfigMap", query).await.len() };
    assert_eq!(count("labelSelector=listed%3Dyes").await, 5);
    assert_eq!(count("labelSelector=listed,n%20in%20(1,2)").await, 2);
    assert_eq!(count("labelSelector=listed,n%20notin%20(1,2)").await, 3);
    assert_eq!(count("labelSelector=listed,n!%3D1").await, 4);
    assert_eq!(count("labelSelector=listed,!n").await, 0);
    assert_eq!(count("fieldSelector=metadata.name%3Dlisted-3").await, 1);
    let uri = format!("{}?labelSelector=listed&limit=2", path(&caller.namespace, "ConfigMap"));
    let (_, first) = caller.send(Method::GET, &uri, "", &Value::Null).await;
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(first["kind"], "ConfigMapList");
    // A page shows what was there when the first one was read.
    caller.delete("ConfigMap", "listed-4", &Value::Null).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (code, rest) = caller.send(Method::GET, &format!("{uri}&limit=9&continue={token}"), "", &Value::Null).await;
    assert_eq!(
        (code, rest["items"].as_array().map(Vec::len)),
        (200, Some(2 + usize::from(rest["items"].as_array().is_some_and(|i| i.len() == 3)))),
        "{rest}"
    );
}

async fn metadata(caller: &Caller) {
    let uri = format!("{}/listed-0", path(&caller.namespace, "ConfigMap"));
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let request = http::Request::get(&uri).header("accept", accept).body(kube::client::Body::empty()).unwrap();
    let response = caller.client.send(request).await.unwrap();
    let body: Value = serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
    assert_eq!(body["kind"], "PartialObjectMetadata");
    assert_eq!(body["apiVersion"], "meta.k8s.io/v1");
    assert_eq!(body["metadata"]["name"], "listed-0");
    assert!(body["data"].is_null());
}
