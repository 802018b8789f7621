use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post, put},
};

use crate::{Client, Error, PodLogs, Running, Upload};

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

const ACCEPTED: &str =
    r#"{"id":"019a0000-0000-7000-8000-000000000001","name":"a","revision":1,"state":"PENDING","links":{}}"#;

#[tokio::test]
async fn a_write_is_sent_again_after_503_under_the_same_key() {
    let (calls, keys) = (Arc::new(AtomicU32::new(0)), Arc::new(std::sync::Mutex::new(vec![])));
    let (count, seen) = (calls.clone(), keys.clone());
    let handler = move |headers: HeaderMap| async move {
        seen.lock().expect("alone").push(headers.get("idempotency-key").cloned());
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => (StatusCode::ACCEPTED, ACCEPTED).into_response(),
        }
    };
    let server = serve(Router::new().route("/yaml", post(handler))).await;
    let client = Client::new(&server, None).expect("an address").patient(Duration::from_secs(5));
    let accepted = client.submit(&Upload::default()).await.expect("taken at the second try");
    assert_eq!(accepted.name.as_str(), "a");
    let keys = keys.lock().expect("alone");
    assert_eq!(keys.len(), 2);
    assert!(keys[0].is_some() && keys[0] == keys[1]);
}

#[tokio::test]
async fn a_refusal_carries_every_problem() {
    let body =
        r#"{"title":"not valid","detail":"2 problems","errors":[{"code":"a","message":"b","file":"f","line":3}]}"#;
    let server =
        serve(Router::new().route("/yaml", post(move || async move { (StatusCode::BAD_REQUEST, body) }))).await;
    let client = Client::new(&server, None).expect("an address").patient(Duration::from_secs(5));
    let error = client.submit(&Upload::default()).await.expect_err("refused");
    assert_eq!(error.status(), Some(400));
    assert_eq!(error.to_string(), "2 problems\nf:3: error: b [a]");
}

#[tokio::test]
async fn the_token_is_sent_and_the_name_is_escaped() {
    let handler = |headers: HeaderMap, uri: axum::http::Uri| async move {
        let authorization = headers.get("authorization").expect("sent").to_str().expect("ascii").to_owned();
        (StatusCode::NOT_FOUND, format!(r#"{{"detail":"{authorization} {uri}"}}"#))
    };
    let server = serve(Router::new().fallback(get(handler))).await;
    let client = Client::new(&server, Some("t0".to_owned())).expect("an address");
    let error = client.status("a/../b?c").await.expect_err("refused");
    assert_eq!(error.to_string(), "Bearer t0 /status/a%2F..%2Fb%3Fc");
}

#[tokio::test]
async fn an_absent_server_is_unreachable_with_its_address() {
    let client = Client::new("http://127.0.0.1:1", None).expect("an address");
    let error = client.status("a").await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot reach http://127.0.0.1:1: "), "{error}");
}

#[tokio::test]
async fn lines_of_a_body_come_one_by_one() {
    let server =
        serve(Router::new().route("/status/{id}/logs", get(|| async { "one\r\ntwo\n\nlast without end" }))).await;
    let client = Client::new(&server, None).expect("an address");
    let mut lines = client.logs("a", PodLogs { object: Some("Job/x"), ..PodLogs::default() }).await.expect("answered");
    let mut all = vec![];
    while let Some(line) = lines.next().await.expect("read") {
        all.push(line);
    }
    assert_eq!(all, ["one", "two", "", "last without end"]);
}

#[tokio::test]
async fn lines_that_go_on_may_be_silent_for_hours() {
    let lines = || async {
        let later = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(7_200)).await;
            Ok::<_, std::convert::Infallible>("later\n")
        });
        let now = futures::stream::iter([Ok("now\n")]);
        axum::body::Body::from_stream(futures::StreamExt::chain(now, later))
    };
    let server = serve(Router::new().route("/status/{id}/logs", get(lines))).await;
    let client = Client::new(&server, None).expect("an address");
    let mut lines = client.logs("a", PodLogs { follow: true, ..PodLogs::default() }).await.expect("answered");
    assert_eq!(lines.next().await.expect("read").as_deref(), Some("now"));
    // From here on time runs as fast as nothing else is to be done.
    tokio::time::pause();
    assert_eq!(lines.next().await.expect("read").as_deref(), Some("later"));
    assert_eq!(lines.next().await.expect("read"), None);
}

#[tokio::test]
async fn a_revert_says_how_it_is_to_be_run() {
    let handler = |uri: axum::http::Uri| async move { (StatusCode::NOT_FOUND, format!(r#"{{"detail":"{uri}"}}"#)) };
    let server = serve(Router::new().fallback(put(handler))).await;
    let client = Client::new(&server, None).expect("an address");
    let running = Running { confirm_prune: true, target: Some("west".to_owned()), ..Running::default() };
    let error = client.revert("a", 2, &running).await.expect_err("refused");
    assert_eq!(error.to_string(), "/yaml/a?target=west&confirm_prune=true&revision=2");
}

#[test]
fn an_address_without_a_scheme_is_refused_with_what_is_expected() {
    let error = Client::new("ftp://x", None).err().expect("refused").to_string();
    assert_eq!(error, "`ftp://x` is not a server's address: expected http://HOST[:PORT] or https://HOST[:PORT]");
}

#[tokio::test]
async fn a_name_that_would_lead_to_another_path_is_never_asked_for() {
    let client = Client::new("http://127.0.0.1:1", None).expect("an address");
    for name in ["", ".", ".."] {
        let error = client.status(name).await.expect_err("refused");
        assert!(matches!(error, Error::Name { .. }), "{error}");
        assert_eq!(error.to_string(), format!("`{name}` is not an id or a name"));
        assert!(matches!(client.delete(name).await, Err(Error::Name { .. })));
        assert!(matches!(client.requeue_dead_letter(name).await, Err(Error::Name { .. })));
    }
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_and_not_repeated() {
    for token in ["mrt_a_b\n", "mrt_a b", "mrt_é", "\u{0}"] {
        let error = Client::new("http://127.0.0.1:1", Some(token.to_owned())).err().expect("refused");
        assert!(matches!(error, Error::Token), "{error}");
        assert!(!error.to_string().contains("mrt_"), "{error}");
    }
}

#[test]
fn every_wrong_address_is_told_what_is_expected() {
    for wrong in ["", "nonsense", "127.0.0.1:8080", "http://", "http://h:99999", "http://h?x=1", "http://h/#x"] {
        let error = Client::new(wrong, None).err().expect("refused").to_string();
        assert!(error.contains("expected http://HOST[:PORT] or https://HOST[:PORT]"), "{error}");
    }
}
