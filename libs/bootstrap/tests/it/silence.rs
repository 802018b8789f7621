//! Answers that say nothing for long, and requests that say a thing twice.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, response::Response, routing::get};
use bootstrap::http::{App, Limits, Server, Silence};
use futures::{StreamExt as _, stream};
use reqwest::Client;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa_axum::router::OpenApiRouter;

use crate::context;

/// A line at once, and one for each permit.
fn lines(permits: Arc<Semaphore>) -> Body {
    let more = stream::unfold(permits, |permits| async move {
        permits.acquire().await.expect("never closed").forget();
        Some((Ok::<_, Infallible>("line\n"), permits))
    });
    Body::from_stream(stream::iter([Ok("line\n")]).chain(more))
}

/// A server that ends a connection soon on which nothing moves, and what lets `/quiet` say more.
async fn impatient() -> (SocketAddr, Arc<Semaphore>, DropGuard) {
    let more = Arc::new(Semaphore::new(0));
    let permits = more.clone();
    let quiet = |silence: Silence| async move { Response::new(silence.until_end_of(lines(permits))) };
    let hasty = || async { Response::new(lines(Arc::new(Semaphore::new(0)))) };
    let routes = OpenApiRouter::new().route("/quiet", get(quiet)).route("/hasty", get(hasty));
    let router = App::default().build(&context().await, routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let limits = Limits { idle: Duration::from_millis(400), ..Limits::default() };
    let stop = CancellationToken::new();
    tokio::spawn(Server { limits }.serve(listener, router, stop.clone()));
    (address, more, stop.drop_guard())
}

#[tokio::test]
async fn an_answer_that_may_be_silent_outlasts_its_connections_bound() {
    let (address, more, _running) = impatient().await;
    let http = Client::builder().no_proxy().build().expect("a client");
    let get = |path: &str| http.get(format!("http://{address}{path}")).send();
    let mut quiet = get("/quiet").await.expect("answered");
    assert_eq!(quiet.chunk().await.expect("read").expect("a line"), "line\n");
    let mut hasty = get("/hasty").await.expect("answered");
    assert_eq!(hasty.chunk().await.expect("read").expect("a line"), "line\n");
    assert!(hasty.chunk().await.is_err(), "what may not be silent is cut");
    // It has been silent for longer than the one that was cut.
    more.add_permits(1);
    assert_eq!(quiet.chunk().await.expect("read").expect("another line"), "line\n");
}

#[tokio::test]
async fn a_host_that_is_named_twice_is_refused() {
    let (address, _, _running) = impatient().await;
    let mut raw = TcpStream::connect(address).await.expect("connected");
    raw.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        .await
        .expect("written");
    let mut answer = String::new();
    raw.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("the header `host` is there twice"), "{answer}");
}
