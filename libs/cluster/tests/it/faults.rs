//! An API server that stumbles, and one that refuses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cluster::{Engine, Limits, SendUntil, Stop};
use domain::{Rendered, record::RenderedObject};
use kube::{Client, client::ClientBuilder};
use sandbox::{
    Options, Sandbox,
    faults::{Faults, Layer},
};
use serde_json::json;

use crate::world::{config_map, task};

fn rendered(task: &cluster::Task, n: usize) -> Rendered {
    let object = |i: usize| {
        let mut manifest = config_map(&format!("map-{i}"), "1");
        manifest["metadata"]["namespace"] = json!("default");
        manifest["metadata"]["labels"] = json!({cluster::TASK_LABEL: task.key.id, cluster::TENANT_LABEL: "local"});
        RenderedObject { manifest, file: String::new(), document: 0, line: 0 }
    };
    Rendered { objects: (0..n).map(object).collect(), ..Rendered::default() }
}

fn faulty(faults: Faults) -> Client {
    let sandbox = Sandbox::new(Options::default());
    ClientBuilder::new(sandbox.service(), "default").with_layer(&Layer::new(faults)).build()
}

fn engine(client: Client) -> Engine {
    Engine::new(client, Limits { request_timeout: Duration::from_millis(300), ..Limits::default() })
}

#[tokio::test]
async fn what_passes_is_tried_again_and_takes_effect_once() {
    for seed in 0..5 {
        let faults = Faults {
            seed,
            too_many_requests: 0.02,
            internal_error: 0.1,
            time_out: 0.05,
            reset_before: 0.1,
            reset_after: 0.1,
            hang: Duration::from_secs(5),
            ..Faults::default()
        };
        let task = task("stormy");
        let session = engine(faulty(faults)).session(task.clone(), None, SendUntil::always(), Duration::from_secs(30));
        let applied = session.apply(&rendered(&task, 30)).await.unwrap_or_else(|stop| panic!("seed {seed}: {stop:?}"));
        assert_eq!(applied.seen.verdict, cluster::Verdict::Healthy, "seed {seed}");
    }
}

#[tokio::test]
async fn an_outage_ends_at_the_deadline_and_may_be_tried_later() {
    let client = faulty(Faults { internal_error: 1.0, ..Faults::default() });
    let task = task("stormy");
    let session = engine(client).session(task.clone(), None, SendUntil::always(), Duration::from_millis(500));
    let began = Instant::now();
    let stopped = session.apply(&rendered(&task, 3)).await;
    assert!(matches!(stopped, Err(Stop::Later(_))), "{stopped:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_can_be_impersonated() {
    let sent = Arc::new(AtomicUsize::new(0));
    let (counted, client) = (sent.clone(), faulty(Faults::default()));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let client = client.clone();
        async move { client.send(request).await }
    });
    let engine = engine(Client::new(service, "default"));
    let task = task("nobody");
    for account in ["", " ", "system:serviceaccount:a:b\nc", "system:serviceaccount:a:é"] {
        let session = engine.session(task.clone(), Some(account), SendUntil::always(), Duration::from_secs(5));
        let stopped = session.apply(&Rendered { make_namespaces: true, ..rendered(&task, 3) }).await;
        let Err(Stop::Failed(problems)) = stopped else { panic!("{account:?}: {stopped:?}") };
        assert_eq!(problems[0].code, "invalid_service_account", "{account:?}");
        assert!(matches!(session.check(&rendered(&task, 3)).await, Err(Stop::Failed(_))), "{account:?}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_is_sent_once_the_lease_ends() {
    let client = faulty(Faults::default());
    let task = task("late");
    let until = SendUntil::always();
    let session = engine(client).session(task.clone(), None, until.clone(), Duration::from_secs(5));
    until.end();
    let stopped = session.apply(&rendered(&task, 3)).await;
    assert!(matches!(stopped, Err(Stop::LeaseEnds)), "{stopped:?}");
}
