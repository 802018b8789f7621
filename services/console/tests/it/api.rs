//! An interface that answers with one task and records what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{Fact, FactBody, Health, ObjectRef, ObjectStatus, Problem, TaskStatus, fact::CommandKind, status::fold};
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The one token that is known; without any, reading is allowed as on one's own computer.
pub const TOKEN: &str = "mrt_0123456789ab_secret";
pub const ID: &str = "019a0000-0000-7000-8000-00000000e41f";
/// A message that must never become markup.
pub const EVIL: &str = "<script>document.title='owned'</script><img src=x onerror=\"console.error('owned')\">";

/// What was asked: method, path with query, token, body.
pub type Asked = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// The interface alone: its address, and what it was asked.
pub async fn interface_alone() -> (String, Asked) {
    let asked = Asked::default();
    (serve(interface(asked.clone())).await, asked)
}

/// The page in front of the interface: its address, and what the interface was asked.
pub async fn start() -> (String, Asked) {
    let (server, asked) = interface_alone().await;
    // Streams end at once: a browser's clock, which tests run fast, stands still while one is open.
    let stopped = CancellationToken::new();
    stopped.cancel();
    (serve(page(server, stopped)).await, asked)
}

fn page(server: String, stopping: CancellationToken) -> Router {
    let config = console::Config { server, secure_cookie: false, ..console::Config::default() };
    console::routes(&config, stopping).expect("an address")
}

/// The page in front of an interface whose task is done as soon as somebody waits for a change, and the paths that
/// the page is asked for. Streams end once the end is told.
pub async fn start_changing() -> (String, Arc<Mutex<Vec<String>>>) {
    let (told, paths) = (CancellationToken::new(), Arc::<Mutex<Vec<String>>>::default());
    let (stopping, seen) = (told.clone(), paths.clone());
    let one = |request: Request| async move {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("after=8") {
            told.cancel();
            std::future::pending::<()>().await;
        }
        Json(if query.contains("after=7") { done() } else { task() })
    };
    let server = serve(Router::new().route("/status/{id}", get(one))).await;
    let noted = axum::middleware::map_request(move |request: Request| {
        seen.lock().expect("alone").push(request.uri().path().to_owned());
        async { request }
    });
    (serve(page(server, stopping).layer(noted)).await, paths)
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn interface(asked: Asked) -> Router {
    Router::new()
        .route("/status", get(|| async { Json(json!({ "tasks": [task()], "next": null })) }))
        .route("/status/{id}", get(one))
        .route("/yaml", post(taken))
        .route("/yaml/{id}", get(form).put(taken).delete(taken))
        .layer(axum::middleware::from_fn_with_state(asked, record))
}

async fn taken() -> (StatusCode, Json<serde_json::Value>) {
    (StatusCode::ACCEPTED, Json(accepted()))
}

async fn record(State(asked): State<Asked>, request: Request, next: axum::middleware::Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("small");
    let token = parts.headers.get(header::AUTHORIZATION).map_or("", |v| v.to_str().expect("ascii")).to_owned();
    let what = (parts.method.to_string(), parts.uri.to_string(), token.clone(), String::from_utf8_lossy(&bytes).into());
    asked.lock().expect("alone").push(what);
    if !token.is_empty() && token != format!("Bearer {TOKEN}") {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "title": "Unauthorized" }))).into_response();
    }
    next.run(Request::from_parts(parts, bytes.into())).await
}

async fn one(Path(id): Path<String>, request: Request) -> Response {
    match id.as_str() {
        ID => {
            // Nothing changes: a long poll is answered late, as by the real one, and the browser's clock waits for it.
            if request.uri().query().is_some_and(|q| q.contains("after=")) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Json(task()).into_response()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "detail": format!("there is no task `{id}`") }))).into_response(),
    }
}

async fn form(request: Request) -> Response {
    if request.uri().query().is_some_and(|q| q.contains("form=rendered")) {
        let manifest = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "evil": EVIL } });
        let object = json!({ "manifest": manifest, "file": "settings.yaml", "document": 0, "line": 1 });
        return Json(json!({ "objects": [object] })).into_response();
    }
    let content = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  evil: {EVIL:?}\n");
    Json(json!({ "files": [{ "name": "settings.yaml", "content": content }] })).into_response()
}

fn accepted() -> serde_json::Value {
    json!({ "id": ID, "name": "swj-demo", "revision": 1, "state": "PENDING", "links": {} })
}

/// A task as rich as they get.
pub fn task() -> TaskStatus {
    fold(&facts()).expect("facts")
}

/// The same task at its end.
fn done() -> TaskStatus {
    let mut facts = facts().to_vec();
    let applied = FactBody::Applied { observed: 3, objects: vec![], kept: vec![], warnings: vec![] };
    facts.push(Fact { body: applied, ..facts[6].clone() });
    fold(&facts).expect("facts")
}

fn facts() -> [Fact; 7] {
    let fact = |revision, millis: i64, body| Fact {
        tenant: "local".parse().expect("a label"),
        task: ID.parse().expect("an id"),
        name: "swj-demo".parse().expect("a label"),
        revision,
        time: Timestamp::from_millisecond(1_790_000_000_000 + millis).expect("in range"),
        body,
    };
    let object = |kind: &str, name: &str, health, reason: &str, message: &str| ObjectStatus {
        object: ObjectRef { kind: kind.into(), name: name.into(), namespace: "default".into(), ..ObjectRef::default() },
        health,
        reason: reason.into(),
        message: message.into(),
        since: Timestamp::from_millisecond(1_790_000_000_500).ok(),
    };
    let warning = Problem { file: "worker.yaml".into(), line: 12, column: 7, ..Problem::warning("latest", EVIL) };
    let submitted = |files| FactBody::Submitted { command: CommandKind::Apply, files, to: None };
    let objects = vec![
        object("Job", "splitter", Health::Healthy, "Complete", "complete"),
        object("Deployment", "worker", Health::Progressing, "", "ready 2/3"),
        object("Job", "joiner", Health::Degraded, "ImagePullBackOff", EVIL),
    ];
    let applied = FactBody::Applied { observed: 1, objects: objects.clone(), kept: vec![], warnings: vec![] };
    let added = vec!["added 1 HPA (worker, 3 to 15 pods, 70 % CPU)".into()];
    [
        fact(1, 0, submitted(2)),
        fact(1, 40, FactBody::ApplyStarted { objects: 2 }),
        fact(1, 3_400, applied),
        fact(2, 60_000, submitted(3)),
        fact(2, 60_020, FactBody::Validated { objects: 3, warnings: vec![warning], added }),
        fact(2, 60_040, FactBody::ApplyStarted { objects: 3 }),
        fact(2, 61_000, FactBody::Progress { observed: 2, health: Health::Progressing, objects }),
    ]
}
