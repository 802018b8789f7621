//! The server's bounds, on a real socket; and stored commands as messages.

mod commands;
mod silence;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension,
    body::Body,
    extract::Request,
    http::{StatusCode, Version},
    routing::{get, post},
};
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{
    Access, Caller, Context, HttpError,
    http::{App, BODIES_IN_FLIGHT_BYTES, BodyLimits, Guard, Limits, Server, read_body},
    telemetry,
};
use domain::Tenant;
use embedded::Database;
use futures::{StreamExt as _, stream};
use hyper_util::rt::TokioExecutor;
use messaging::embedded::EmbeddedBus;
use reqwest::Client;
use serde_json::Value;
use state::embedded::EmbeddedStates;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

struct Running {
    address: std::net::SocketAddr,
    http: Client,
    context: Context,
    arrived: Arc<Semaphore>,
    released: Arc<Notify>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn status(&self, path: &str) -> u16 {
        self.http.get(self.url(path)).send().await.expect("answered").status().as_u16()
    }
}

async fn context() -> Context {
    bootstrap::install_tls();
    telemetry::install_metrics();
    let database = Database::ephemeral().expect("a database in memory");
    let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
    let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
    let bus = Arc::new(EmbeddedBus::open(database).await.expect("tables"));
    let access = Access::local(records.clone(), Tenant::local());
    Context::new("test", bus, records, states, access)
}

/// A permit for each call that is in its handler's hands.
type Arrived = Extension<Arc<Semaphore>>;

/// Ends when the test lets it.
async fn slow(arrived: Arrived, released: Extension<Arc<Notify>>) {
    arrived.add_permits(1);
    released.notified().await;
}

async fn hang(arrived: Arrived) {
    arrived.add_permits(1);
    std::future::pending().await
}

fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("a secret detail")
                }
            }),
        )
        .route("/me", get(|caller: Caller| async move { caller.actor }))
        .route("/slow", get(slow))
        .route("/hang", get(hang))
        .route(
            "/read",
            post(|request: Request| async move { read_body(request).await.map(|body| body.len().to_string()) }),
        )
        .route(
            "/hold",
            post(|request: Request| async move {
                read_body(request).await?;
                std::future::pending::<()>().await;
                Ok::<(), HttpError>(())
            }),
        )
}

async fn run(app: App, limits: Limits) -> Running {
    let context = context().await;
    let (arrived, released) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let routes = routes().layer(Extension(arrived.clone())).layer(Extension(released.clone()));
    let router = app.build(&context, routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let server = tokio::spawn(Server { limits }.serve(listener, router, stop.clone()));
    let http = Client::builder().no_proxy().build().expect("a client");
    Running { address, http, context, arrived, released, stop, server }
}

async fn usual() -> Running {
    run(App::default(), Limits::default()).await
}

#[tokio::test]
async fn a_panic_is_a_500_without_details() {
    let running = usual().await;
    let response = running.http.get(running.url("/panic")).send().await.expect("answered");
    assert_eq!(response.status(), 500);
    let body: Value = response.json().await.expect("problem+json");
    assert_eq!(body["type"], "urn:marea:problem:internal");
    assert!(!body.to_string().contains("secret detail"));
    assert_eq!(running.status("/me").await, 200);
}

#[tokio::test]
async fn requests_are_counted_by_their_route() {
    let running = usual().await;
    running.status("/me").await;
    running.status("/no/such/path").await;
    let metrics = running.http.get(running.url("/metrics")).send().await.expect("answered").text().await.expect("text");
    assert!(metrics.contains("http_requests_total{method=\"GET\",path=\"/me\",status=\"200\"}"), "{metrics}");
    assert!(metrics.contains("path=\"unmatched\"") && !metrics.contains("/no/such"), "{metrics}");
    assert!(metrics.contains("http_request_duration_seconds_bucket"), "{metrics}");
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let running = usual().await;
    assert_eq!(running.status("/readyz").await, 200);
    running.context.readiness.add("cluster", || async { Err("no route to host".to_owned()) });
    let response = running.http.get(running.url("/readyz")).send().await.expect("answered");
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.expect("json");
    assert_eq!(body["not_ready"]["cluster"], "no route to host");
}

#[tokio::test]
async fn bodies_above_the_bound_of_all_are_refused_at_once() {
    let bodies = BodyLimits { bytes: BODIES_IN_FLIGHT_BYTES, ..BodyLimits::default() };
    let running = run(App { bodies, ..App::default() }, Limits::default()).await;
    let (http, url) = (running.http.clone(), running.url("/hold"));
    let chunk = axum::body::Bytes::from(vec![0; 1 << 20]);
    let (sent, all_sent) = tokio::sync::oneshot::channel();
    let mut sent = Some(sent);
    let chunks = stream::iter(0..BODIES_IN_FLIGHT_BYTES >> 20).map(move |n| {
        if n + 1 == BODIES_IN_FLIGHT_BYTES >> 20 {
            sent.take().map(|s| s.send(()));
        }
        Ok::<_, Infallible>(chunk.clone())
    });
    let holding = tokio::spawn(http.post(&url).body(reqwest::Body::wrap_stream(chunks)).send());
    all_sent.await.expect("sent");
    let refused = async {
        loop {
            let response = running.http.post(running.url("/read")).body("one more").send().await.expect("answered");
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                return response;
            }
        }
    };
    let response = tokio::time::timeout(Duration::from_secs(20), refused).await.expect("in time");
    assert!(response.headers().contains_key("retry-after"));
    holding.abort();
    // What is given up is given back.
    let taken = async {
        while running.http.post(running.url("/read")).body("x").send().await.expect("answered").status() != 200 {}
    };
    tokio::time::timeout(Duration::from_secs(20), taken).await.expect("in time");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read() {
    let running = usual().await;
    let chunks = stream::iter(["ab", "cde"].map(Ok::<_, Infallible>));
    let request = running.http.post(running.url("/read")).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(request.send().await.expect("answered").text().await.expect("text"), "5");
}

async fn ended(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.expect("in time").ok();
    began.elapsed()
}

#[tokio::test]
async fn a_silent_or_slow_connection_is_ended() {
    let limits = Limits { head: Duration::from_millis(200), idle: Duration::from_millis(400), ..Limits::default() };
    let running = run(App::default(), limits).await;
    let mut silent = TcpStream::connect(running.address).await.expect("connected");
    assert!(ended(&mut silent).await < Duration::from_secs(5));
    let mut slow = TcpStream::connect(running.address).await.expect("connected");
    slow.write_all(b"GET /me HTTP/1.1\r\nhost: loc").await.expect("written");
    assert!(ended(&mut slow).await < Duration::from_secs(5));
}

#[tokio::test]
async fn a_burst_of_connections_waits_to_be_accepted() {
    let listener = bootstrap::http::bind("127.0.0.1:0".parse().expect("an address")).expect("bound");
    let address = listener.local_addr().expect("bound");
    let connects = (0..600).map(|_| TcpStream::connect(address));
    // Nobody accepts meanwhile: all of them are in the kernel's queue.
    let connected = tokio::time::timeout(Duration::from_secs(30), futures::future::join_all(connects)).await;
    let connected = connected.expect("in time");
    assert_eq!(connected.iter().filter(|c| c.is_err()).count(), 0);
    for _ in &connected {
        listener.accept().await.expect("accepted");
    }
}

#[tokio::test]
async fn connections_are_bounded() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let running = run(App::default(), limits).await;
    let mut first = TcpStream::connect(running.address).await.expect("connected");
    first.write_all(b"GET /me HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 200");
    let url = running.url("/me");
    let second = tokio::spawn(running.http.get(url).send());
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    let response = tokio::time::timeout(Duration::from_secs(5), second).await.expect("in time").expect("ran");
    assert_eq!(response.expect("answered").status(), 200);
}

#[tokio::test]
async fn a_stop_drains_what_runs_and_cuts_what_hangs() {
    let limits = Limits { drain: Duration::from_secs(2), ..Limits::default() };
    let running = run(App::default(), limits).await;
    let slow = tokio::spawn(running.http.get(running.url("/slow")).send());
    let hang = tokio::spawn(running.http.get(running.url("/hang")).send());
    let both = tokio::time::timeout(Duration::from_secs(60), running.arrived.acquire_many(2)).await;
    both.expect("they arrive").expect("never closed").forget();
    running.stop.cancel();
    running.released.notify_one();
    assert_eq!(slow.await.expect("ran").expect("drained").status(), 200);
    let began = Instant::now();
    running.server.await.expect("ended");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(hang.await.expect("ran").is_err());
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_listed_origin_may_read() {
    let guard = Guard { cors_origins: vec!["https://board.example".into()], ..Guard::default() };
    let running = run(App { guard, ..App::default() }, Limits::default()).await;
    let asked = running.http.get(running.url("/me")).header("origin", "https://board.example");
    let response = asked.send().await.expect("answered");
    assert_eq!(response.headers()["access-control-allow-origin"], "https://board.example");
    let preflight = running.http.request(reqwest::Method::OPTIONS, running.url("/me"));
    let preflight = preflight.header("origin", "https://board.example").header("access-control-request-method", "GET");
    let response = preflight.send().await.expect("answered");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["access-control-allow-methods"]),
        (204, &"GET, HEAD".parse().expect("value"))
    );
    let foreign = running.http.get(running.url("/me")).header("origin", "https://evil.example");
    let response = foreign.send().await.expect("answered");
    assert_eq!(response.status(), 403);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn http2_is_spoken_on_the_same_port() {
    let running = usual().await;
    let http2 = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::get(running.url("/me")).body(Body::empty()).expect("a request");
    let response = http2.request(request).await.expect("answered");
    assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, 200));
}

#[tokio::test]
async fn without_tokens_nobody_else_may_come_in() {
    let mut context = context().await;
    assert!(bootstrap::listen(&context, ([127, 0, 0, 1], 0).into()).await.is_ok());
    assert!(bootstrap::listen(&context, ([0, 0, 0, 0], 0).into()).await.is_err());
    context.access = Access::tokens(context.records.clone(), &"".into());
    assert!(bootstrap::listen(&context, ([0, 0, 0, 0], 0).into()).await.is_ok());
}
