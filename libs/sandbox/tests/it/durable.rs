//! What is shown is durable: who concludes something from it may write that down, and be killed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{WatchEvent, WatchParams},
};
use sandbox::{Change, Clock, Error, Journal, Options, Sandbox};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use crate::caller::Caller;

/// A disk that takes nothing while it is shut.
struct Disk {
    open: watch::Sender<bool>,
    asked: watch::Sender<u32>,
}

#[async_trait]
impl Journal for Disk {
    async fn append(&self, _: &[Change]) -> Result<(), Error> {
        self.asked.send_modify(|asked| *asked += 1);
        self.open.subscribe().wait_for(|open| *open).await.map(drop).map_err(|e| Error(e.to_string()))
    }
}

impl Disk {
    fn set(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Does something that the disk is asked to write, and returns while it is not written.
    async fn begin(&self, write: impl Future<Output = (u16, Value)> + Send + 'static) {
        self.set(false);
        let mut asked = self.asked.subscribe();
        asked.mark_unchanged();
        tokio::spawn(write);
        asked.changed().await.expect("the disk is there");
    }
}

/// Whether nothing comes though nothing else is left to do: the clock is paused and moves only then.
async fn waits<T>(answer: impl Future<Output = T>) -> bool {
    timeout(Duration::from_secs(1), answer).await.is_err()
}

fn world() -> (Arc<Disk>, Sandbox, Caller) {
    let disk = Arc::new(Disk { open: watch::Sender::new(true), asked: watch::Sender::new(0) });
    let clock = Clock::Manual("2026-01-02T03:04:05Z".parse().unwrap());
    let sandbox = Sandbox::new(Options { clock, journal: Some(disk.clone()), ..Options::default() });
    let caller = Caller { client: sandbox.client(), namespace: "default".to_owned() };
    (disk, sandbox, caller)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_before_it_is_durable() {
    let (disk, sandbox, caller) = world();
    caller.apply("one", "ConfigMap", "a", &json!({"data": {"k": "1"}})).await;
    let api = Api::<ConfigMap>::namespaced(sandbox.client(), "default");
    let late = caller.clone();
    disk.begin(async move { late.apply("one", "ConfigMap", "a", &json!({"data": {"k": "2"}})).await }).await;
    assert!(waits(caller.get("ConfigMap", "a")).await, "a read shows what a crash would undo");
    assert!(waits(caller.list("ConfigMap", "")).await, "a list does");
    assert!(
        waits(caller.apply("one", "ConfigMap", "a", &json!({"data": {"k": "2"}}))).await,
        "an apply that changes nothing does"
    );
    assert_eq!(caller.get("ConfigMap", "b").await.0, 404, "who asks for something else need not wait");
    let mut events = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let Some(WatchEvent::Added(map)) = events.try_next().await.unwrap() else { panic!("what is durable") };
    assert_eq!(map.data.unwrap()["k"], "1");
    assert!(waits(events.try_next()).await, "a watch tells of what a crash would undo");
    disk.set(true);
    let Some(WatchEvent::Modified(map)) = events.try_next().await.unwrap() else { panic!("the change") };
    assert_eq!(map.data.unwrap()["k"], "2");
    assert_eq!(caller.get("ConfigMap", "a").await.1["data"]["k"], "2");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_gone_before_that_is_durable() {
    let (disk, _sandbox, caller) = world();
    caller.apply("one", "ConfigMap", "a", &json!({"data": {"k": "1"}})).await;
    let (late, path) = (caller.clone(), "/api/v1/namespaces/default/configmaps/a");
    disk.begin(async move { late.send(Method::DELETE, path, "", &Value::Null).await }).await;
    assert!(waits(caller.get("ConfigMap", "a")).await);
    assert!(waits(caller.send(Method::DELETE, path, "", &Value::Null)).await, "not even a 404 of a second DELETE");
    disk.set(true);
    assert_eq!(caller.get("ConfigMap", "a").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn what_controllers_do_is_shown_when_it_is_durable() {
    let (disk, sandbox, caller) = world();
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
    caller.apply("one", "Job", "j", &job).await;
    let driven = sandbox.clone();
    disk.begin(async move {
        driven.advance(Duration::from_secs(60)).await;
        (0, Value::Null)
    })
    .await;
    assert!(waits(caller.get("Job", "j")).await);
    disk.set(true);
    let ended = async || loop {
        let (_, job) = caller.get("Job", "j").await;
        if job["status"]["succeeded"] == 1 {
            return;
        }
        tokio::task::yield_now().await;
    };
    assert!(!waits(ended()).await);
}
