use std::time::{Duration, Instant};

use domain::{FactBody, State};
use futures::StreamExt;

use crate::harness::{Harness, answer, applied, apply, command, fact, key, submitted};

#[tokio::test]
async fn right_after_the_202_a_task_is_pending_at_version_0() {
    let harness = Harness::new().await;
    let key = key();
    harness.context.records.create_command(&command(&key, 1, apply())).await.expect("stored");
    let id = key.id.to_string();
    for path in [id.clone(), key.id.suffix(), format!("task-{}", key.id.suffix())] {
        let (status, body) = answer(harness.get(&format!("/status/{path}"))).await;
        assert_eq!((status, &body["state"], &body["version"]), (200, &"PENDING".into(), &0.into()), "{path}: {body}");
        assert_eq!(body["id"], id.as_str());
    }
}

#[tokio::test]
async fn a_task_that_never_was_is_a_404() {
    let harness = Harness::new().await;
    for path in ["019a0000-0000-7000-8000-000000000001", "nobody", "beef", "%2e%2e", "A"] {
        let (status, body) = answer(harness.get(&format!("/status/{path}"))).await;
        assert_eq!((status, &body["type"]), (404, &"urn:marea:problem:not-found".into()), "{path}");
    }
}

#[tokio::test]
async fn an_unchanged_status_is_a_304() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let path = format!("/status/{}", key.id);
    let tag = |response: &reqwest::Response| response.headers()["etag"].to_str().expect("text").to_owned();
    let first = tag(&harness.get(&path).send().await.expect("answered"));
    let same = harness.get(&path).header("if-none-match", &first).send().await.expect("answered");
    assert_eq!(same.status(), 304);
    harness.add(&[fact(&key, 1, applied())]).await;
    let changed = harness.get(&path).header("if-none-match", &first).send().await.expect("answered");
    assert_eq!(changed.status(), 200);
    assert_ne!(tag(&changed), first);
}

#[tokio::test]
async fn a_long_poll_is_answered_by_the_change() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let path = format!("/status/{}?wait=30s&after=1", key.id);
    let began = Instant::now();
    let (polled, ()) = tokio::join!(answer(harness.get(&path)), async {
        tokio::task::yield_now().await;
        harness.add(&[fact(&key, 1, applied())]).await;
    });
    assert_eq!(polled.1["state"], "DONE");
    assert!(began.elapsed() < Duration::from_secs(10));
    let (_, body) = answer(harness.get(&format!("/status/{}?wait=1s", key.id))).await;
    assert_eq!(body["version"], 2);
}

#[tokio::test]
async fn a_stopping_process_ends_its_polls() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let path = format!("/status/{}?wait=60s&after=1", key.id);
    let began = Instant::now();
    let (polled, ()) = tokio::join!(answer(harness.get(&path)), async {
        // The request must be there before the server stops accepting.
        harness.arrival().await;
        harness.stop.cancel();
    });
    assert_eq!((polled.0, &polled.1["state"]), (200, &"PENDING".into()));
    assert!(began.elapsed() < Duration::from_secs(10));
}

async fn event(body: &mut (impl StreamExt<Item = reqwest::Result<axum::body::Bytes>> + Unpin)) -> String {
    let next = tokio::time::timeout(Duration::from_secs(10), body.next()).await.expect("in time");
    String::from_utf8_lossy(&next.expect("an event").expect("read")).into_owned()
}

#[tokio::test]
async fn a_stream_brings_every_change() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let request = harness.get(&format!("/status/{}", key.id)).header("accept", "text/event-stream");
    let response = request.send().await.expect("answered");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.bytes_stream();
    let first = event(&mut body).await;
    assert!(first.contains("event: status") && first.contains("id: 1") && first.contains("\"PENDING\""), "{first}");
    harness.add(&[fact(&key, 1, FactBody::ApplyStarted { objects: 1 })]).await;
    assert!(event(&mut body).await.contains("\"APPLYING_IN_CLUSTER\""));
    // One that was cut off goes on where it was.
    let request = harness.get(&format!("/status/{}", key.id)).header("accept", "text/event-stream");
    let mut again = request.header("last-event-id", "2").send().await.expect("answered").bytes_stream();
    harness.add(&[fact(&key, 1, applied())]).await;
    assert!(event(&mut again).await.contains("id: 3"));
}

#[tokio::test]
async fn a_list_is_newest_first_in_pages_and_by_state() {
    let harness = Harness::new().await;
    let keys: Vec<_> = (0..5).map(|_| key()).collect();
    for (n, key) in keys.iter().enumerate() {
        harness.add(&[fact(key, 1, submitted())]).await;
        if n % 2 == 0 {
            harness.add(&[fact(key, 1, applied())]).await;
        }
    }
    let mut seen = vec![];
    let mut path = "/status?limit=2".to_owned();
    loop {
        let (status, page) = answer(harness.get(&path)).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["tasks"].as_array().expect("tasks").iter().map(|t| t["id"].as_str().expect("id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/status?limit=2&cursor={next}");
    }
    let newest_first: Vec<_> = keys.iter().rev().map(|k| k.id.to_string()).collect();
    assert_eq!(seen, newest_first);
    let (_, done) = answer(harness.get(&format!("/status?state={}", State::Done.as_str()))).await;
    assert_eq!(done["tasks"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_state_that_no_task_has_is_refused_with_those_that_they_have() {
    let harness = Harness::new().await;
    let (status, body) = answer(harness.get("/status?state=SUPERSEDED")).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &"state".into()), "{body}");
    let detail = body["detail"].as_str().expect("text");
    assert!(State::OF_A_TASK.iter().all(|state| detail.contains(state.as_str())), "{detail}");
}

#[tokio::test]
async fn each_bad_parameter_is_named() {
    let harness = Harness::new().await;
    let key = key();
    harness.add(&[fact(&key, 1, submitted())]).await;
    let task = format!("/status/{}", key.id);
    for (path, field) in [
        ("/status?state=SLEEPING".to_owned(), "state"),
        ("/status?state=SUPERSEDED".to_owned(), "state"),
        ("/status?cursor=x".to_owned(), "query"),
        ("/status?limit=0".to_owned(), "limit"),
        ("/status?limit=1000".to_owned(), "limit"),
        ("/status?colour=red".to_owned(), "colour"),
        (format!("{task}?wait=5m"), "wait"),
        (format!("{task}?after=-1"), "query"),
        (format!("{task}/why?x=y"), "x"),
        (format!("{task}/logs?object=x"), "object"),
        (format!("{task}/logs?tail=0"), "tail"),
    ] {
        let (status, body) = answer(harness.get(&path)).await;
        assert_eq!(status, 400, "{path}: {body}");
        let named = body["errors"][0]["field"].as_str().expect("a field");
        assert!(named == field || field == "query", "{path}: {body}");
    }
}
