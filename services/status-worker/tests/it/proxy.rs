use axum::{
    Json, Router,
    http::{HeaderMap, Uri},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Harness, answer, fact, key, submitted};

async fn applier() -> String {
    let why = |headers: HeaderMap, Json(question): Json<Value>| async move {
        Json(json!({ "asked": question, "token": headers["authorization"].to_str().expect("text") }))
    };
    let logs = |uri: Uri| async move { uri.query().unwrap_or_default().to_owned() };
    let router = Router::new().route("/internal/why", post(why)).route("/internal/logs", get(logs));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn reasons_and_logs_are_asked_of_cluster_applier() {
    let harness = Harness::with(&applier().await).await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let (status, why) = answer(harness.get(&format!("/status/{}/why", key.id))).await;
    assert_eq!((status, &why["token"]), (200, &"Bearer internal".into()));
    assert_eq!(why["asked"], json!({ "tenant": "local", "task": key.id }));
    let path = format!("/status/{}/logs?object=Job/splitter&follow=true", key.id);
    let (status, query) = answer(harness.get(&path)).await;
    let expected = format!("follow=true&tail=1000&object=Job%2Fsplitter&tenant=local&task={}", key.id);
    assert_eq!((status, query), (200, Value::String(expected)));
    let other = "/status/019a0000-0000-7000-8000-000000000001/why";
    assert_eq!(answer(harness.get(other)).await.0, 404);
}

#[tokio::test]
async fn without_cluster_applier_the_answer_is_503() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    assert_eq!(answer(harness.get(&format!("/status/{}/why", key.id))).await.0, 503);
}
