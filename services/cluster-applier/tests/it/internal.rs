//! The internal interface.

use std::time::Duration;

use axum::{Router, body::Body};
use bootstrap::http::{Limits, Server};
use cluster::Engine;
use cluster_applier::Clusters;
use domain::{Options, State, Tenant};
use http::{Request, StatusCode, response::Parts};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt as _;

use crate::world::{SOON, World, deployment};

fn app(world: &World) -> Router {
    bootstrap::app(&world.context, cluster_applier::routes(&world.context, &world.clusters))
}

async fn ask(app: &Router, token: &str, method: &str, path: &str, body: &Value) -> (StatusCode, String) {
    let (parts, text) = answer(app, token, method, path, body).await;
    (parts.status, text)
}

async fn answer(app: &Router, token: &str, method: &str, path: &str, body: &Value) -> (Parts, String) {
    let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
    let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    let answer = app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts, String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned())
}

#[tokio::test]
async fn the_document_tells_what_each_route_takes_and_answers() {
    let world = World::idle().await;
    let (_, document) = cluster_applier::routes(&world.context, &world.clusters).split_for_parts();
    let document = serde_json::to_value(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/internal/logs", "/internal/plan", "/internal/why"]);
    for (path, operations) in paths {
        for operation in operations.as_object().unwrap().values() {
            let takes = operation["requestBody"].is_object() || operation["parameters"].is_array();
            let answers = &operation["responses"];
            let told =
                ["400", "401", "404", "422", "429", "503"].iter().all(|code| answers[code]["content"].is_object());
            assert!(takes && told && answers["200"]["content"].is_object(), "{path}: {operation:#}");
        }
    }
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
    for name in named {
        assert!(document["components"]["schemas"][name].is_object(), "{name} is not in the document");
    }
}

#[tokio::test]
async fn nobody_comes_in_without_the_internal_token() {
    let world = World::idle().await;
    for token in ["", "wrong", "between-us-not"] {
        let (status, _) = ask(&app(&world), token, "POST", "/internal/why", &json!({})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_plan_renders_and_shows_no_secret() {
    let world = World::idle().await;
    let content = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: planted-value-7431}\n";
    let question = json!({"tenant": Tenant::local(), "task": null, "name": null, "revision": null,
        "files": [{"name": "a.yaml", "content": content}], "options": Options::default()});
    let (status, text) = ask(&app(&world), "between-us", "POST", "/internal/plan", &question).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["objects"][0]["kind"], &answer["objects"][0]["change"]), (&json!("Secret"), &json!("create")));
    assert!(!text.contains("planted-value") && !text.contains("cGxhbnRlZC12YWx1ZS03NDMx"), "{text}");
    assert!(world.get("/api/v1/namespaces/default/secrets/login").await.is_none());
}

#[tokio::test]
async fn why_and_logs_speak_of_pods() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "ImagePullBackOff")]).await;
    world.until(|s| s.objects.iter().any(|o| o.reason == "ImagePullBackOff")).await;
    let which = json!({"tenant": "local", "task": world.key.id});
    let (status, text) = ask(&app(&world), "between-us", "POST", "/internal/why", &which).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let why: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(why["objects"][0]["pods"][0]["reason"], "ImagePullBackOff");
    let path = format!("/internal/logs?tenant=local&task={}&object=Deployment/web", world.key.id);
    let (status, text) = ask(&app(&world), "between-us", "GET", &path, &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let (status, text) = ask(&app(&world), "between-us", "GET", &path.replace("/web", "/none"), &Value::Null).await;
    assert!(status == StatusCode::NOT_FOUND && text.contains("no object `Deployment/none`"), "{status} {text}");
    let (status, text) = ask(&app(&world), "between-us", "GET", &format!("{path}&container=none"), &Value::Null).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && text.contains("no-pods"), "{status} {text}");
    world.delete(2).await;
    world.state(2, State::RolledBack).await;
}

#[tokio::test]
async fn too_many_questions_are_told_when_to_come_again() {
    let world = World::idle().await;
    let app = app(&world);
    // Cheap ones: each names no task. They come faster than they are let in.
    let mut refused = None;
    for _ in 0..100_000 {
        let (parts, _) = answer(&app, "between-us", "POST", "/internal/why", &json!({})).await;
        if parts.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(parts);
            break;
        }
        assert_eq!(parts.status, StatusCode::BAD_REQUEST);
    }
    let refused = refused.expect("there is a bound");
    assert_eq!(refused.headers["retry-after"], "1");
}

/// A cluster that takes every request and answers none.
fn mute(world: &mut World) {
    let service = tower::service_fn(|_: Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<kube::client::Body>, tower::BoxError>>()
    });
    let client = kube::Client::new(service, "default");
    world.clusters = Clusters::one(Engine::new(client, cluster::Limits::default()));
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_a_503_in_time() {
    let mut world = World::idle().await;
    mute(&mut world);
    let content = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let question = json!({"tenant": Tenant::local(), "files": [{"name": "a.yaml", "content": content}]});
    let app = app(&world);
    let asked = answer(&app, "between-us", "POST", "/internal/plan", &question);
    let (parts, text) = tokio::time::timeout(SOON, asked).await.expect("not for ever");
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert_eq!(parts.headers["retry-after"], "1");
}

/// Reads until what came holds that.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut part = [0; 4_096];
        let count = stream.read(&mut part).await.unwrap();
        assert!(count > 0, "it ended: {text}");
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn logs_of_a_quiet_pod_are_followed_until_it_is_gone() {
    let world = World::start().await;
    world.revision(1, Options::default(), &[deployment("web", "")]).await;
    world.state(1, State::Done).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { idle: Duration::from_millis(400), ..Limits::default() };
    tokio::spawn(Server { limits }.serve(listener, app(&world), world.context.stopping.clone()));
    let mut quiet = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /internal/logs?tenant=local&task={}&follow=true HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer between-us\r\nconnection: close\r\n\r\n",
        world.key.id
    );
    quiet.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut quiet, "was not pulled").await;
    // One that asks nothing is cut meanwhile.
    let mut other = TcpStream::connect(address).await.unwrap();
    let cut = tokio::time::timeout(SOON, other.read_to_end(&mut vec![])).await;
    cut.expect("a silent connection is ended").ok();
    world.delete(2).await;
    world.state(2, State::RolledBack).await;
    let end = tokio::time::timeout(SOON, read_until(&mut quiet, "0\r\n\r\n")).await;
    end.expect("it ends with its pods");
}
