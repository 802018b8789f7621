use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    http::{HeaderMap, StatusCode, Uri},
    routing::{get, post},
};
use bootstrap::{HttpError, http::Limits};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

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

/// A line at once, and one for each permit.
fn lines(permits: Arc<Semaphore>) -> Body {
    let more = stream::unfold(permits, |permits| async move {
        permits.acquire().await.expect("never closed").forget();
        Some((Ok::<_, Infallible>("line\n"), permits))
    });
    Body::from_stream(stream::iter([Ok("line\n")]).chain(more))
}

#[tokio::test]
async fn logs_that_are_followed_outlast_the_bound_of_a_silent_connection() {
    let permits = Arc::new(Semaphore::new(0));
    let more = permits.clone();
    let logs = get(async move || lines(permits));
    let applier = serve(Router::new().route("/internal/logs", logs)).await;
    let limits = Limits { idle: Duration::from_millis(400), ..Limits::default() };
    let harness = Harness::bounded(&applier, limits).await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let path = format!("/status/{}/logs", key.id);
    let mut quiet = harness.get(&format!("{path}?follow=true")).send().await.expect("answered");
    assert_eq!(quiet.chunk().await.expect("read").expect("a line"), "line\n");
    let mut whole = harness.get(&path).send().await.expect("answered");
    assert_eq!(whole.chunk().await.expect("read").expect("a line"), "line\n");
    assert!(whole.chunk().await.is_err(), "what is not followed is not waited for");
    // It has been silent for longer than the one that was cut.
    more.add_permits(2);
    assert_eq!(quiet.chunk().await.expect("read").expect("another line"), "line\n");
    // A stop ends it, and does not wait for the pods.
    harness.stop.cancel();
    while quiet.chunk().await.expect("ended, not cut").is_some() {}
}
