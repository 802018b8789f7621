use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, Uri},
    routing::{get, post},
};
use bootstrap::HttpError;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Harness, answer, fact, key, submitted};

async fn applier() -> String {
    let why = |headers: HeaderMap, Json(question): Json<Value>| async move {
        Json(json!({ "asked": question, "token": headers["authorization"].to_str().expect("text") }))
    };
    let logs = |uri: Uri| async move { uri.query().unwrap_or_default().to_owned() };
    serve(Router::new().route("/internal/why", post(why)).route("/internal/logs", get(logs))).await
}

async fn serve(router: Router) -> String {
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

#[tokio::test]
async fn when_to_try_again_is_handed_on() {
    let busy = || async { HttpError::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "too many questions") };
    let router = Router::new().route("/internal/why", post(busy)).route("/internal/logs", get(busy));
    let harness = Harness::with(&serve(router).await).await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    for what in ["why", "logs"] {
        let refused = harness.get(&format!("/status/{}/{what}", key.id)).send().await.expect("answered");
        let told = |name| refused.headers().get(name).and_then(|v| v.to_str().ok());
        assert_eq!((refused.status().as_u16(), told("retry-after")), (429, Some("1")), "{what}");
        assert_eq!(told("content-type"), Some("application/problem+json"), "{what}");
    }
}
