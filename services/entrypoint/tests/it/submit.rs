use domain::{Action, FactBody, OnFailure, TaskKey};
use reqwest::multipart::{Form, Part};

use crate::harness::{CONFIG_MAP, Harness, answer, next};

#[tokio::test]
async fn a_raw_body_is_stored_published_and_accepted() {
    let harness = Harness::new().await;
    let mut facts = harness.facts().await;
    let response =
        harness.post("?name=demo&on_failure=revert&ready_deadline=90s", CONFIG_MAP).send().await.expect("sent");
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let body: serde_json::Value = response.json().await.expect("json");
    let id = body["id"].as_str().expect("id");
    assert_eq!(location, format!("/status/{id}"));
    assert_eq!(body["links"]["status"], location);
    assert_eq!((&body["name"], &body["revision"], &body["state"]), (&"demo".into(), &1.into(), &"PENDING".into()));
    let key = TaskKey { tenant: "local".parse().expect("label"), id: id.parse().expect("id") };
    let command = harness.context.records.command(&key, 1).await.expect("read").expect("stored");
    assert_eq!((command.options.on_failure, command.options.ready_deadline_seconds), (OnFailure::Revert, 90));
    assert!(matches!(&command.action, Action::Apply { sources } if sources[0].content == CONFIG_MAP));
    let fact = next(&mut facts).await;
    assert_eq!((fact.key(), fact.revision), (key, 1));
    assert!(matches!(fact.body, FactBody::Submitted { files: 1, .. }));
}

fn form() -> Form {
    let part = |name: &str| {
        Part::text(CONFIG_MAP.replace("name: a", &format!("name: {name}"))).file_name(format!("{name}.yaml"))
    };
    Form::new().part("files", part("a")).part("files", part("b"))
}

#[tokio::test]
async fn several_files_are_one_task() {
    let harness = Harness::new().await;
    let (status, body) = answer(harness.http.post(format!("{}/yaml", harness.url)).multipart(form())).await;
    assert_eq!(status, 202, "{body}");
    let id = body["id"].as_str().expect("id");
    assert_eq!(body["name"], format!("task-{}", &id.replace('-', "")[20..]));
    let (_, source) = answer(harness.get(&format!("/yaml/{id}"))).await;
    let names: Vec<_> = source["files"].as_array().expect("files").iter().map(|f| f["name"].as_str()).collect();
    assert_eq!(names, [Some("a.yaml"), Some("b.yaml")]);
}

#[tokio::test]
async fn several_large_files_are_one_task() {
    let harness = Harness::new().await;
    let part = |name: &str| {
        let content = CONFIG_MAP.replace("k: v", &format!("k: {}", "v".repeat(1 << 20)));
        Part::text(content.replace("name: a", &format!("name: {name}"))).file_name(format!("{name}.yaml"))
    };
    let form = ["a", "b", "c"].into_iter().fold(Form::new(), |form, name| form.part("files", part(name)));
    let (status, body) = answer(harness.http.post(format!("{}/yaml", harness.url)).multipart(form)).await;
    assert_eq!(status, 202, "{body}");
}

#[tokio::test]
async fn a_key_sent_again_is_the_same_task_whatever_the_boundary() {
    let harness = Harness::new().await;
    let send = || {
        harness.http.post(format!("{}/yaml?name=once", harness.url)).header("idempotency-key", "k1").multipart(form())
    };
    let ((first, one), (second, two)) = (answer(send()).await, answer(send()).await);
    assert_eq!((first, second), (202, 202), "{two}");
    assert_eq!(one["id"], two["id"]);
    let (status, other) = answer(harness.post("?name=once", CONFIG_MAP).header("idempotency-key", "k1")).await;
    assert_eq!((status, &other["type"]), (422, &"urn:marea:problem:idempotency-key-reused".into()));
    assert_eq!(harness.stored().await, 1);
}

#[tokio::test]
async fn the_same_key_at_the_same_time_is_one_task() {
    let harness = Harness::new().await;
    let sends = (0..8).map(|_| answer(harness.post("", CONFIG_MAP).header("idempotency-key", "k")));
    let answers = futures::future::join_all(sends).await;
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|(s, b)| (*s, b["id"].to_string())).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert_eq!(harness.stored().await, 1);
}

#[tokio::test]
async fn a_name_is_one_task_s() {
    let harness = Harness::new().await;
    let id = harness.submit("?name=demo").await;
    let (status, body) = answer(harness.post("?name=demo", CONFIG_MAP)).await;
    assert_eq!((status, &body["id"]), (409, &id.as_str().into()));
    assert_eq!(body["errors"][0]["field"], "name");
    assert_eq!(harness.stored().await, 1);
    let (status, _) = answer(harness.post("?name=task-0123456789ab", CONFIG_MAP)).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_trace_of_the_request_is_kept_with_the_command() {
    let harness = Harness::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (_, body) = answer(harness.post("", CONFIG_MAP).header("traceparent", parent)).await;
    let id = body["id"].as_str().expect("id").parse().expect("id");
    let key = TaskKey { tenant: "local".parse().expect("label"), id };
    let command = harness.context.records.command(&key, 1).await.expect("read").expect("stored");
    assert_eq!(command.traceparent.as_deref(), Some(parent));
}

#[tokio::test]
async fn the_interface_describes_itself() {
    let harness = Harness::new().await;
    let (status, api) = answer(harness.get("/openapi.json")).await;
    assert_eq!((status, &api["openapi"]), (200, &"3.1.0".into()));
    for path in ["/yaml", "/yaml/{id}", "/tenants", "/tenants/{name}", "/tokens", "/tokens/{id}", "/dead-letters"] {
        assert!(api["paths"].get(path).is_some(), "{path}");
    }
    let (_, page) = answer(harness.get("/docs")).await;
    assert!(page.as_str().expect("a page").contains("<h2>POST /yaml</h2>"));
    assert_eq!(answer(harness.get("/livez")).await.0, 200);
    let (status, ready) = answer(harness.get("/readyz")).await;
    assert_eq!((status, &ready["ready"]), (200, &true.into()), "{ready}");
}
