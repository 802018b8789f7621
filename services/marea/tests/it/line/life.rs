//! One task's whole life.

use std::{collections::BTreeSet, time::Duration};

use client::{Form, Running, Upload};
use domain::{Health, OnFailure, State};
use kube::{
    Api,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};
use testkit::{Otlp, Span, until};

use super::{
    laptop,
    manifests::{config, file, job, worker},
    platform::Platform,
    rights::left_over,
};

const WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_applied_changed_reverted_and_rolled_back_on_real_servers() {
    let otlp = Otlp::start().await;
    let Some(line) = Platform::start(3, Some(otlp.url())).await else { return };
    let files = vec![config("settings", "one"), config("extra", "x"), worker("worker"), job("once")];
    let task = line.post("demo", files).await;
    let done = line.reaches(&task, 1, &[State::Done, State::Failed, State::Rejected], WITHIN).await;
    assert_eq!((done.state, done.live_revision, done.health), (State::Done, Some(1), Health::Healthy), "{done:#?}");
    assert_eq!(names(&line, "autoscaling", "v2", "HorizontalPodAutoscaler").await, ["worker"]);
    let pods_of_job = names(&line, "", "v1", "Pod").await.iter().filter(|n| n.starts_with("once-")).count();

    // An object less: pruned after the new revision is healthy; the finished Job is not run again.
    let files = vec![config("settings", "two"), worker("worker"), job("once")];
    replace(&line, &task, files, OnFailure::Keep).await;
    let done = line.reaches(&task, 2, &[State::Done, State::Failed], WITHIN).await;
    assert_eq!((done.state, done.live_revision), (State::Done, Some(2)), "{done:#?}");
    let maps = names(&line, "", "v1", "ConfigMap").await;
    assert!(maps.contains(&"settings".to_owned()) && !maps.contains(&"extra".to_owned()), "{maps:?}");
    let again = names(&line, "", "v1", "Pod").await.iter().filter(|n| n.starts_with("once-")).count();
    assert_eq!(again, pods_of_job);

    // A revision that cannot become healthy goes back to the live one.
    let broken = file("broken.yaml", immutable_change());
    replace(&line, &task, vec![config("settings", "three"), broken], OnFailure::Revert).await;
    let failed = line.reaches(&task, 3, &[State::Failed], WITHIN).await;
    let reverted = || async {
        let status = line.client.status(&task).await.map_err(|e| e.to_string())?;
        let sources = line.client.revision_yaml(&task, Some(2), Form::Rendered).await.map_err(|e| e.to_string())?;
        let value = data(&line, "settings").await;
        let back = status.live_revision == Some(2) && value == "two" && sources.contains("two");
        back.then_some(()).ok_or_else(|| format!("settings: {value}; {status:#?}"))
    };
    until("the revert", WITHIN, reverted).await.unwrap_or_else(|e| panic!("{e}\n{failed:#?}"));

    line.client.delete(&task).await.expect("the roll back is taken");
    let gone = line.reaches(&task, 4, &[State::RolledBack, State::RollbackBlocked], WITHIN).await;
    assert_eq!(gone.state, State::RolledBack, "{gone:#?}");
    assert_eq!(left_over(&line.servers.kube.client().await, line.namespace).await, Vec::<String>::new());
    let empty = || async { (line.queued().await == 0).then_some(()).ok_or("messages are left queued") };
    until("empty queues", WITHIN, empty).await.expect("nothing stays queued");
    one_trace(&otlp, &task).await;
    the_sample(&line).await;
    laptop::works_with_the_rights_of_one_namespace(&line).await;
}

/// The sample's manifests as they are.
async fn the_sample(line: &Platform) {
    let folder = testkit::workspace().join("docs/samples/swj");
    let files = ["joiner.yaml", "splitter.yaml", "worker.yaml"];
    let files = files.map(|name| file(name, std::fs::read_to_string(folder.join(name)).expect("it is there")));
    let task = line.post("swj", files.into()).await;
    let done = line.reaches(&task, 1, &[State::Done, State::Failed, State::Rejected], WITHIN).await;
    assert_eq!((done.state, done.health, done.objects.len()), (State::Done, Health::Healthy, 6), "{done:#?}");
    line.client.delete(&task).await.expect("the roll back is taken");
    line.reaches(&task, 2, &[State::RolledBack], WITHIN).await;
    assert_eq!(left_over(&line.servers.kube.client().await, line.namespace).await, Vec::<String>::new());
}

/// One trace covers the first revision from its POST over its validation to each step of its apply, the last one too;
/// status-worker folds facts of many tasks at once, in traces of its own.
async fn one_trace(otlp: &Otlp, task: &str) {
    let has = |span: &Span, key: &str, value: &str| span.attributes.get(key).is_some_and(|found| found == value);
    let covered = || async {
        let spans = otlp.spans();
        // A step after a doubt comes of no message of the task's.
        let steps = spans.iter().filter(|span| {
            let of_task = has(span, "task.id", task) && has(span, "task.revision", "1");
            span.name == "task.step" && of_task && !has(span, "task.stage", "settle")
        });
        let traces: BTreeSet<_> = steps.map(|span| &span.trace).collect();
        let [trace] = traces.iter().collect::<Vec<_>>()[..] else { return Err(format!("steps in {traces:?}")) };
        let own = spans.iter().filter(|span| span.trace == **trace);
        let told: Vec<_> = own.map(|span| (span.service.as_str(), span.name.as_str(), &span.attributes)).collect();
        let posted = told.iter().any(|(service, name, about)| {
            (*service, *name) == ("entrypoint", "http") && about.get("http.method").is_some_and(|m| m == "POST")
        });
        let validated = told.iter().any(|(service, name, _)| (*service, *name) == ("yaml-manager", "consume"));
        let ready = told.iter().any(|(_, _, about)| about.get("task.stage").is_some_and(|stage| stage == "ready"));
        if posted && validated && ready { Ok(()) } else { Err(format!("{told:#?}")) }
    };
    until("one trace from the POST to the last step", Duration::from_secs(30), covered)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
}

/// A worker whose selector differs from the live one: immutable, so the API server refuses it.
fn immutable_change() -> String {
    worker("worker").content.replace("app: worker}", "app: other}")
}

async fn replace(line: &Platform, task: &str, files: Vec<domain::SourceFile>, on_failure: OnFailure) {
    let running = Running { on_failure: Some(on_failure), ..Running::default() };
    let upload = Upload { files, running, ..Upload::default() };
    line.client.replace(task, &upload).await.expect("the revision is taken");
}

async fn api(line: &Platform, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(line.servers.kube.client().await, line.namespace, &resource)
}

async fn names(line: &Platform, group: &str, version: &str, kind: &str) -> Vec<String> {
    let list = api(line, group, version, kind).await.list(&ListParams::default()).await.expect("a list");
    list.items.into_iter().filter_map(|o| o.metadata.name).collect()
}

async fn data(line: &Platform, name: &str) -> String {
    let found = api(line, "", "v1", "ConfigMap").await.get(name).await;
    found.map(|o| o.data["data"]["key"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}
