//! The stream of a task's changes.

use std::time::Duration;

use futures::StreamExt as _;
use testkit::http;

use crate::api::{ID, start, start_changing};

async fn next(body: &mut (impl futures::Stream<Item = reqwest::Result<axum::body::Bytes>> + Unpin)) -> String {
    let next = tokio::time::timeout(Duration::from_secs(20), body.next()).await.expect("in time");
    String::from_utf8_lossy(&next.expect("an event").expect("read")).into_owned()
}

#[tokio::test]
async fn a_stream_brings_what_changes_and_what_to_announce() {
    let (page, _) = start_changing().await;
    let response = http().get(format!("{page}/tasks/{ID}/events")).send().await.expect("answered");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.bytes_stream();
    let first = next(&mut body).await;
    assert!(
        first.contains("event: change") && first.contains("id: 7\n") && first.contains("APPLYING_IN_CLUSTER"),
        "{first}"
    );
    assert!(first.contains("\"said\":\"Task swj-demo is APPLYING_IN_CLUSTER, progressing\""), "{first}");
    let second = next(&mut body).await;
    assert!(second.contains("id: 8\n") && second.contains("Task swj-demo is DONE"), "{second}");
}

#[tokio::test]
async fn a_stream_that_was_cut_off_goes_on_where_it_was() {
    for (query, last) in [("?after=7", None), ("?after=3", Some("7"))] {
        let (page, _) = start_changing().await;
        let request = http().get(format!("{page}/tasks/{ID}/events{query}"));
        let request = last.into_iter().fold(request, |r, id: &str| r.header("last-event-id", id));
        let mut body = request.send().await.expect("answered").bytes_stream();
        assert!(next(&mut body).await.contains("id: 8\n"));
    }
}

#[tokio::test]
async fn an_absent_task_has_no_stream() {
    let (page, _) = start().await;
    let response = http().get(format!("{page}/tasks/none/events")).send().await.expect("answered");
    assert_eq!(response.status(), 404);
}
