use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{Json, Router, http::HeaderMap, routing::post};
use blobs::records::UNBACKED_AFTER;
use domain::TaskId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{CONFIG_MAP, Harness, With, answer};

#[tokio::test]
async fn a_silent_broker_is_an_unknown_outcome_and_the_same_key_resumes() {
    let harness = Harness::new().await;
    harness.bus.silent.store(true, Ordering::SeqCst);
    let began = Instant::now();
    let send = || harness.post("?name=demo", CONFIG_MAP).header("idempotency-key", "k");
    let response = send().send().await.expect("answered");
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true));
    let body: Value = response.json().await.expect("json");
    assert_eq!(body["type"], "urn:marea:problem:outcome-unknown");
    let id = body["id"].clone();
    assert!(id.is_string(), "{body}");
    harness.bus.silent.store(false, Ordering::SeqCst);
    let mut facts = harness.facts().await;
    let (status, body) = answer(send()).await;
    assert_eq!((status, &body["id"]), (202, &id));
    assert_eq!(crate::harness::next(&mut facts).await.task.to_string(), id.as_str().expect("text"));
    assert_eq!(harness.stored().await, 1);
}

async fn applier() -> String {
    let plan = |headers: HeaderMap, Json(question): Json<Value>| async move {
        let token = headers["authorization"].to_str().expect("text").to_owned();
        Json(json!({ "changes": [], "problems": [], "asked": question, "token": token }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new().route("/internal/plan", post(plan));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_dry_run_asks_cluster_applier_and_writes_nothing() {
    let harness = Harness::with(With { applier_url: applier().await, ..With::default() }).await;
    let (status, plan) =
        answer(harness.post("?dry_run=true&name=demo", CONFIG_MAP).header("idempotency-key", "k")).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!((&plan["token"], &plan["asked"]["name"]), (&"Bearer internal".into(), &"demo".into()));
    assert_eq!(plan["asked"]["tenant"]["name"], "local");
    assert_eq!(harness.stored().await, 0);
    let tenant = "local".parse().expect("label");
    assert_eq!(
        harness.context.records.name_holder(&tenant, &"demo".parse().expect("label")).await.expect("read"),
        None
    );
    let id = harness.submit("").await;
    let (status, plan) = answer(harness.put(&id, "?dry_run=true", CONFIG_MAP)).await;
    assert_eq!((status, &plan["asked"]["task"]), (200, &id.as_str().into()), "{plan}");
}

#[tokio::test]
async fn a_dry_run_without_cluster_applier_says_so() {
    let harness = Harness::with(With { applier_url: "http://127.0.0.1:1".into(), ..With::default() }).await;
    assert_eq!(answer(harness.post("?dry_run=true", CONFIG_MAP)).await.0, 503);
}

#[tokio::test]
async fn a_name_whose_request_broke_off_is_free_after_a_minute() {
    let harness = Harness::new().await;
    let (tenant, name) = ("local".parse().expect("a label"), "shop".parse().expect("a name"));
    let (records, id) = (&harness.context.records, TaskId::new());
    records.claim_name(&tenant, &name, id).await.expect("claimed");
    let (status, body) = answer(harness.post("?name=shop", CONFIG_MAP)).await;
    assert_eq!(status, 409, "its request may be under way: {body}");
    let link = async || records.name_claimed(&tenant, &name).await.expect("answered").map(|(link, _)| link);
    records.claim_name(&tenant, &name, id).await.expect("claimed");
    assert_eq!(link().await, Some(1));
    *harness.blobs.older.lock() = UNBACKED_AFTER + SignedDuration::from_secs(1);
    // Sent again under its key: a new link, so that who judged the old one takes nothing.
    records.claim_name(&tenant, &name, id).await.expect("claimed");
    assert_eq!(link().await, Some(2));
    harness.submit("?name=shop").await;
    let (status, body) = answer(harness.post("?name=shop", CONFIG_MAP)).await;
    assert_eq!(status, 409, "what is stored keeps its name, however old: {body}");
}
