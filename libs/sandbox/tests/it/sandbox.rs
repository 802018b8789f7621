//! The sandbox alone: watches, persistence, faults, and what it says of itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use http::Method;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client,
    api::{LogParams, PostParams, WatchEvent, WatchParams},
};
use sandbox::{
    Change, Clock, Error, Journal, Options, Restored, Sandbox,
    faults::{Faults, Layer},
};
use serde_json::{Value, json};

use crate::{behaviours, caller::Caller};

fn manual() -> Options {
    Options { clock: Clock::Manual("2026-01-02T03:04:05Z".parse().unwrap()), ..Options::default() }
}

fn caller(sandbox: &Sandbox) -> Caller {
    Caller { client: sandbox.client(), namespace: "default".to_owned() }
}

#[tokio::test]
async fn behaves_as_the_real_api_server() {
    behaviours::all(Sandbox::new(manual()).client(), "behaviours").await;
}

#[tokio::test]
async fn a_watch_tells_of_changes_in_order_and_of_selections_left() {
    let sandbox = Sandbox::new(manual());
    let (api, caller) = (Api::<ConfigMap>::namespaced(sandbox.client(), "default"), caller(&sandbox));
    let params = WatchParams::default().labels("app=x").timeout(5);
    let mut events = api.watch(&params, "0").await.unwrap().boxed();
    caller.apply("one", "ConfigMap", "a", &json!({"metadata": {"labels": {"app": "x"}}})).await;
    caller.apply("one", "ConfigMap", "a", &json!({"metadata": {"labels": {"app": "x"}}, "data": {"a": "b"}})).await;
    caller.apply("one", "ConfigMap", "a", &json!({"metadata": {"labels": {"app": "y"}}})).await;
    let mut kinds = Vec::new();
    while let Some(event) = events.try_next().await.unwrap() {
        kinds.push(match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            _ => "other",
        });
        if kinds.len() == 3 {
            break;
        }
    }
    assert_eq!(kinds, ["added", "modified", "deleted"]);
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_answered_410() {
    let sandbox = Sandbox::new(Options { history: 5, ..manual() });
    let caller = caller(&sandbox);
    for n in 0..20 {
        caller.apply("one", "ConfigMap", "a", &json!({"data": {"n": n.to_string()}})).await;
    }
    let api = Api::<ConfigMap>::namespaced(sandbox.client(), "default");
    let mut events = api.watch(&WatchParams::default().timeout(5), "3").await.unwrap().boxed();
    match events.try_next().await.unwrap().expect("an event") {
        WatchEvent::Error(status) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(events.try_next().await.unwrap().is_none(), "it ends after that");
}

#[tokio::test]
async fn what_is_not_simulated_is_answered_501_with_a_sentence() {
    let caller = caller(&Sandbox::new(manual()));
    for (method, uri) in [
        (Method::GET, "/apis/apps/v1/daemonsets"),
        (Method::GET, "/api/v1/nodes"),
        (Method::POST, "/api/v1/namespaces/default/pods/x/eviction"),
        (Method::GET, "/apis/example.org/v1/things"),
        (Method::GET, "/openapi/v3"),
    ] {
        let (code, body) = caller.send(method, uri, "", &Value::Null).await;
        assert_eq!((code, &body["kind"]), (501, &json!("Status")), "{uri}");
        assert!(body["message"].as_str().unwrap().contains("not simulated"), "{body}");
    }
    let uri = "/api/v1/namespaces/default/configmaps/a";
    let (code, _) = caller.send(Method::PATCH, uri, "application/strategic-merge-patch+json", &json!({})).await;
    assert_eq!(code, 501);
}

#[tokio::test]
async fn it_says_everywhere_that_it_is_simulated() {
    let sandbox = Sandbox::new(manual());
    sandbox.advance(Duration::ZERO).await;
    let client = sandbox.client();
    let request = http::Request::get("/version").body(kube::client::Body::empty()).unwrap();
    assert_eq!(client.send(request).await.unwrap().headers()["x-marea-simulated"], "true");
    let version = client.apiserver_version().await.unwrap();
    assert!(version.git_version.ends_with("simulated"), "{version:?}");
    let pods = Api::<Pod>::namespaced(client, "default");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    assert!(pods.logs("p", &LogParams::default()).await.is_err(), "it waits to start");
    sandbox.advance(Duration::from_secs(2)).await;
    let logs = pods.logs("p", &LogParams::default()).await.unwrap();
    assert!(logs.lines().count() > 1 && logs.lines().all(|line| line.starts_with("simulated: ")), "{logs}");
    let found = pods.get("p").await.unwrap();
    let conditions = found.status.and_then(|s| s.conditions).unwrap();
    assert!(conditions.iter().all(|c| c.message.as_ref().is_some_and(|m| m.contains("simulated"))), "{conditions:?}");
}

#[tokio::test]
async fn discovery_lists_what_is_served() {
    let client = Sandbox::new(manual()).client();
    let groups = client.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|g| g.name == "apps"));
    let resources = client.list_api_group_resources("apps/v1").await.unwrap();
    assert!(resources.resources.iter().any(|r| r.name == "deployments/scale"));
}

/// Keeps changes as a real journal would.
#[derive(Default)]
struct Memory(Mutex<(u64, BTreeMap<String, Arc<Value>>, usize)>);

#[async_trait]
impl Journal for Memory {
    async fn append(&self, changes: &[Change]) -> Result<(), Error> {
        tokio::task::yield_now().await;
        let mut kept = self.0.lock().unwrap();
        kept.2 += 1;
        for change in changes {
            kept.0 = change.version.max(kept.0);
            match &change.object {
                Some(object) => kept.1.insert(change.key.clone(), object.clone()),
                None => kept.1.remove(&change.key),
            };
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_was_answered_is_in_the_journal_and_comes_back() {
    let memory = Arc::new(Memory::default());
    let sandbox = Sandbox::new(Options { journal: Some(memory.clone()), ..manual() });
    let first = caller(&sandbox);
    sandbox.advance(Duration::ZERO).await;
    let many = futures::future::join_all((0..50).map(|n| {
        let first = first.clone();
        async move { first.apply("one", "ConfigMap", &format!("a-{n}"), &json!({"data": {"a": "b"}})).await }
    }));
    assert!(many.await.iter().all(|(code, _)| *code == 201));
    first.delete("ConfigMap", "a-7", &Value::Null).await;
    let (version, objects, batches) = memory.0.lock().unwrap().clone();
    assert!(batches < 40, "writers share a batch: {batches}");
    let restored = Restored { version, objects: objects.into_values().collect() };
    let second = Sandbox::new(Options { restored: Some(restored), ..manual() });
    let again = caller(&second);
    assert_eq!(again.list("ConfigMap", "").await.len(), first.list("ConfigMap", "").await.len());
    assert_eq!(again.get("ConfigMap", "a-7").await.0, 404);
    assert_eq!(again.get("ConfigMap", "a-8").await.1, first.get("ConfigMap", "a-8").await.1);
}

#[tokio::test]
async fn a_snapshot_brings_back_everything() {
    let sandbox = Sandbox::new(manual());
    caller(&sandbox).apply("one", "ConfigMap", "a", &json!({"data": {"a": "b"}})).await;
    let bytes = sandbox.snapshot();
    let second = Sandbox::restore(&bytes, manual()).unwrap();
    assert_eq!(caller(&second).get("ConfigMap", "a").await, caller(&sandbox).get("ConfigMap", "a").await);
    assert_eq!(second.snapshot(), bytes);
    assert!(Sandbox::restore(b"{", manual()).is_err());
}

#[tokio::test]
async fn the_real_clock_drives_the_controllers_until_shutdown() {
    let sandbox = Sandbox::new(Options::default());
    let shutdown = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (sandbox, shutdown) = (sandbox.clone(), shutdown.clone());
        async move { sandbox.run(shutdown).await }
    });
    let caller = caller(&sandbox);
    let api = Api::<Pod>::namespaced(sandbox.client(), "default");
    let mut events = api.watch(&WatchParams::default().timeout(20), "0").await.unwrap().boxed();
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]});
    let annotations = json!({"sandbox.marea.dev/run-for": "50ms"});
    let body = json!({"spec": {"template": {"metadata": {"annotations": annotations}, "spec": pod}}});
    let (code, body) = caller.apply("one", "Job", "x", &body).await;
    assert_eq!(code, 201, "{body}");
    loop {
        if let WatchEvent::Modified(pod) = events.try_next().await.unwrap().expect("events go on")
            && pod.status.is_some_and(|s| s.phase.as_deref() == Some("Succeeded"))
        {
            break;
        }
    }
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn faults_come_as_their_shares_say_and_leave_the_effect_that_they_say() {
    let sandbox = Sandbox::new(manual());
    let layer = Layer::new(Faults { seed: 7, too_many_requests: 1.0, ..Faults::default() });
    let client = Client::new(tower::Layer::layer(&layer, sandbox.service()), "default");
    let faulty = Caller { client, namespace: "default".to_owned() };
    let (code, body) = faulty.apply("one", "ConfigMap", "a", &json!({"data": {"a": "b"}})).await;
    assert_eq!((code, &body["reason"]), (429, &json!("TooManyRequests")));
    layer.set(Faults { reset_after: 1.0, ..Faults::default() });
    let request = http::Request::post("/api/v1/namespaces/default/configmaps?fieldManager=one");
    let body = json!({"metadata": {"name": "a"}}).to_string().into_bytes();
    let answer = faulty.client.send(request.body(kube::client::Body::from(body)).unwrap()).await;
    assert!(answer.is_err_and(|e| format!("{e:?}").contains("simulated fault")));
    layer.set(Faults::default());
    assert_eq!(faulty.get("ConfigMap", "a").await.0, 200, "the effect was there before the reset");
}

#[test]
fn the_test_kit_s_stages_are_the_table() {
    let (text, path) = (sandbox::kwok_stages(), concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/servers/stages.yaml"));
    if std::env::var_os("TESTKIT_WRITE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let how = "TESTKIT_WRITE=1 cargo test -p sandbox the_test_kit_s_stages_are_the_table";
    assert!(committed == text, "libs/testkit/servers/stages.yaml is not what the table makes: write it by {how}");
}
