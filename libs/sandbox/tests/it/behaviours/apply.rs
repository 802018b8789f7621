//! Server-side apply.

use serde_json::{Value, json};

use super::Behaviour;
use crate::caller::{Caller, causes};

pub fn all(caller: &Caller) -> Vec<Behaviour<'_>> {
    vec![
        Box::pin(first_then_again(caller)),
        Box::pin(two_managers(caller)),
        Box::pin(fields_that_go(caller)),
        Box::pin(by_uid(caller)),
        Box::pin(updates_take_fields(caller)),
        Box::pin(dry_runs(caller)),
        Box::pin(list_items(caller)),
        Box::pin(generations(caller)),
        Box::pin(unknown_fields(caller)),
    ]
}

fn version(body: &Value) -> &Value {
    &body["metadata"]["resourceVersion"]
}

async fn first_then_again(caller: &Caller) {
    let body = json!({"data": {"a": "1"}, "metadata": {"labels": {"app": "x"}}});
    let (code, first) = caller.apply("one", "ConfigMap", "again", &body).await;
    assert_eq!(code, 201, "{first}");
    let (code, again) = caller.apply("one", "ConfigMap", "again", &body).await;
    assert_eq!(code, 200);
    assert_eq!(version(&first), version(&again), "an apply that changes nothing writes nothing");
    let entry = &again["metadata"]["managedFields"][0];
    assert_eq!(entry["manager"], "one");
    assert_eq!(entry["operation"], "Apply");
    let fields = json!({"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:app": {}}}});
    assert_eq!(entry["fieldsV1"], fields);
    // A workload's defaults are nobody's, and do not make a write of the second apply.
    let body = workload();
    let (_, first) = caller.apply("one", "Deployment", "again", &body).await;
    let (code, again) = caller.apply("one", "Deployment", "again", &body).await;
    assert_eq!(code, 200, "{again}");
    assert_eq!(first["metadata"]["generation"], again["metadata"]["generation"]);
}

/// A Deployment that never makes a pod.
pub fn workload() -> Value {
    json!({"spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": "x"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [
            {"name": "c", "image": "i:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]},
        ]}},
    }})
}

async fn two_managers(caller: &Caller) {
    caller.apply("one", "ConfigMap", "two", &json!({"data": {"a": "1", "b": "1"}})).await;
    let (code, body) = caller.apply("two", "ConfigMap", "two", &json!({"data": {"a": "2", "c": "2"}})).await;
    assert_eq!(code, 409);
    assert_eq!(body["reason"], "Conflict");
    assert_eq!(causes(&body), [("FieldManagerConflict".into(), ".data.a".into())]);
    assert_eq!(body["details"]["causes"][0]["message"], "conflict with \"one\"");
    assert_eq!(body["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    // The same value is shared.
    let (code, _) = caller.apply("two", "ConfigMap", "two", &json!({"data": {"a": "1"}})).await;
    assert_eq!(code, 200);
    let (code, body) = caller.apply_with("two", "ConfigMap", "two", &json!({"data": {"a": "2"}}), "&force=true").await;
    assert_eq!((code, &body["data"]), (200, &json!({"a": "2", "b": "1"})));
    let owner = |manager: &str| -> Value {
        let entries = body["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        entries.into_iter().find(|e| e["manager"] == manager).map(|e| e["fieldsV1"].clone()).unwrap_or_default()
    };
    assert_eq!(owner("one"), json!({"f:data": {"f:b": {}}}));
    assert_eq!(owner("two"), json!({"f:data": {"f:a": {}}}));
}

async fn fields_that_go(caller: &Caller) {
    caller.apply("one", "ConfigMap", "go", &json!({"data": {"a": "1", "b": "1"}})).await;
    caller.apply("two", "ConfigMap", "go", &json!({"data": {"b": "1"}})).await;
    let (_, body) = caller.apply("one", "ConfigMap", "go", &json!({"data": {"c": "1"}})).await;
    assert_eq!(body["data"], json!({"b": "1", "c": "1"}));
    // Replicas that one manager gives up come back to their default.
    let mut body = workload();
    body["spec"]["replicas"] = json!(3);
    body["spec"]["paused"] = json!(true);
    caller.apply("one", "Deployment", "go", &body).await;
    body["spec"].as_object_mut().unwrap().remove("replicas");
    let (code, after) = caller.apply("one", "Deployment", "go", &body).await;
    assert_eq!((code, &after["spec"]["replicas"]), (200, &json!(1)));
    caller.delete("Deployment", "go", &Value::Null).await;
}

async fn by_uid(caller: &Caller) {
    let uid = "11111111-2222-3333-4444-555555555555";
    let with = |uid: &str| json!({"metadata": {"uid": uid}, "data": {"a": "1"}});
    let (code, body) = caller.apply("one", "ConfigMap", "uid", &with(uid)).await;
    assert_eq!((code, &body["reason"]), (409, &json!("Conflict")), "{body}");
    let (code, made) = caller.apply("one", "ConfigMap", "uid", &json!({"data": {"a": "1"}})).await;
    assert_eq!(code, 201);
    let (code, body) = caller.apply("one", "ConfigMap", "uid", &with(uid)).await;
    let cause = ("FieldValueInvalid".to_owned(), "metadata.uid".to_owned());
    assert_eq!((code, causes(&body)), (422, vec![cause.clone(), cause]), "{body}");
    let own = made["metadata"]["uid"].as_str().unwrap();
    let (code, body) = caller.apply("one", "ConfigMap", "uid", &with(own)).await;
    assert_eq!(code, 200);
    assert_eq!(version(&body), version(&made));
}

async fn updates_take_fields(caller: &Caller) {
    caller.apply("one", "ConfigMap", "taken", &json!({"data": {"a": "1"}})).await;
    let (code, body) = caller.merge("ConfigMap", "taken", &json!({"data": {"a": "2"}})).await;
    assert_eq!(code, 200, "{body}");
    let (code, body) = caller.apply("one", "ConfigMap", "taken", &json!({"data": {"a": "1"}})).await;
    assert_eq!(code, 409);
    let message = body["details"]["causes"][0]["message"].as_str().unwrap();
    assert_eq!(message, "conflict with \"merger\" using v1");
    // What was made by POST is its maker's.
    caller.create("ConfigMap", &json!({"metadata": {"name": "posted"}, "data": {"a": "1"}})).await;
    let (code, body) = caller.apply("one", "ConfigMap", "posted", &json!({"data": {"a": "2"}})).await;
    assert_eq!((code, causes(&body)), (409, vec![("FieldManagerConflict".into(), ".data.a".into())]));
}

async fn dry_runs(caller: &Caller) {
    let body = json!({"data": {"a": "1"}});
    let (code, _) = caller.apply_with("one", "ConfigMap", "dry", &body, "&dryRun=All").await;
    assert_eq!(code, 201);
    assert_eq!(caller.get("ConfigMap", "dry").await.0, 404);
    let (code, body) = caller.apply_with("one", "ConfigMap", "dry", &body, "&dryRun=None").await;
    assert!((400..=422).contains(&code), "{body}");
}

async fn list_items(caller: &Caller) {
    let ports = |ports: Value| json!({"spec": {"selector": {"a": "b"}, "ports": ports}});
    let one = ports(json!([{"port": 80, "name": "web"}, {"port": 53, "name": "dns", "protocol": "UDP"}]));
    let (code, body) = caller.apply("one", "Service", "items", &one).await;
    assert_eq!(code, 201, "{body}");
    let two = ports(json!([{"port": 443, "name": "tls"}]));
    let (code, body) = caller.apply("two", "Service", "items", &two).await;
    assert_eq!(code, 200, "{body}");
    let numbers: Vec<_> = body["spec"]["ports"].as_array().unwrap().iter().map(|p| p["port"].clone()).collect();
    assert_eq!(numbers, [80, 53, 443]);
    let (code, body) = caller.apply("one", "Service", "items", &ports(json!([{"port": 80, "name": "web"}]))).await;
    assert_eq!(code, 200, "{body}");
    assert_eq!(body["spec"]["ports"].as_array().unwrap().len(), 2);
    let (code, body) = caller.apply("two", "Service", "items", &ports(json!([{"port": 80, "name": "www"}]))).await;
    assert_eq!(code, 409, "{body}");
    let field = ".spec.ports[port=80,protocol=\"TCP\"].name";
    assert_eq!(causes(&body), [("FieldManagerConflict".into(), field.into())]);
}

async fn generations(caller: &Caller) {
    let generation = |body: &Value| body["metadata"]["generation"].as_i64().unwrap();
    let mut body = workload();
    let (_, first) = caller.apply("one", "Deployment", "counted", &body).await;
    assert_eq!(generation(&first), 1);
    body["metadata"] = json!({"labels": {"a": "b"}});
    let (_, second) = caller.apply("one", "Deployment", "counted", &body).await;
    assert_eq!(generation(&second), 1, "labels do not count");
    body["metadata"] = json!({"annotations": {"a": "b"}});
    let (_, second) = caller.apply("one", "Deployment", "counted", &body).await;
    assert_eq!(generation(&second), 2, "a Deployment's annotations do");
    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    let (_, third) = caller.apply("one", "Deployment", "counted", &body).await;
    assert_eq!(generation(&third), 3);
}

async fn unknown_fields(caller: &Caller) {
    let mut body = workload();
    body["spec"]["foo"] = json!(1);
    let (code, body) = caller.apply("one", "Deployment", "unknown", &body).await;
    assert_eq!(code, 500, "{body}");
    assert!(body["message"].as_str().unwrap().ends_with(".spec.foo: field not declared in schema"), "{body}");
    let (code, body) = caller.create("ConfigMap", &json!({"metadata": {"name": "u"}, "foo": 1})).await;
    assert_eq!((code, &body["reason"]), (400, &json!("BadRequest")));
    assert!(body["message"].as_str().unwrap().ends_with("strict decoding error: unknown field \"foo\""), "{body}");
    let (code, body) = caller.apply("one", "ConfigMap", "typed", &json!({"data": {"a": 1}})).await;
    assert_eq!(code, 500, "{body}");
}
