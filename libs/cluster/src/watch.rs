//! Watches: one a kind, over all namespaces or some. They decide nothing: they tell which task's
//! objects changed their health, so that it is looked at early.

mod index;
#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::TaskKey;
use futures::{StreamExt as _, future::join_all};
use http_body_util::BodyExt as _;
use index::Index;
use kube::client::Body;
use schema::kinds::{ALLOWED, AllowedKind};
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::{
    Engine,
    api::{Accept, Api, Call, Error, SendUntil, collection, everywhere},
    health,
    task::TASK_LABEL,
    view,
};

/// How long the API server keeps a watch open: below the client's read time-out.
const WATCH_SECONDS: &str = "240";
/// The longest pause before a watch that broke is opened again.
const MAX_PAUSE: Duration = Duration::from_secs(30);

impl Engine {
    /// Watches the kinds whose health changes, until `shutdown`, and sends keys of tasks whose objects
    /// changed. Where the channel is full the watches wait: nothing else tells of a task that is done.
    pub async fn watch(&self, namespaces: &[String], changed: Sender<TaskKey>, shutdown: CancellationToken) {
        let active = ALLOWED.iter().filter(|kind| health::is_active(kind.kind) && kind.template.is_some());
        let watches = active.flat_map(|kind| paths(kind, namespaces).into_iter().map(move |path| (kind, path)));
        let running = watches.map(|(kind, path)| follow(self.api.clone(), kind, path, changed.clone()));
        shutdown.run_until_cancelled(join_all(running)).await;
    }
}

fn paths(kind: &AllowedKind, namespaces: &[String]) -> Vec<String> {
    match namespaces {
        [] => vec![everywhere(kind)],
        some => some.iter().map(|namespace| collection(kind, namespace)).collect(),
    }
}

/// One watch, opened again for ever.
async fn follow(api: Api, kind: &'static AllowedKind, path: String, changed: Sender<TaskKey>) {
    let mut index = Index::new(kind);
    let mut failures = 0_u32;
    loop {
        match round(&api, &path, &mut index, &changed).await {
            Ok(()) => failures = 0,
            Err(error) => {
                if failures == 0 {
                    tracing::warn!(kind = kind.kind, error = %error, "a watch broke; it is opened again until it holds");
                }
                failures += 1;
                let pause = Duration::from_millis(250).saturating_mul(1 << failures.min(7)).min(MAX_PAUSE);
                tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            }
        }
    }
}

/// Lists, then watches from there until the stream ends.
async fn round(api: &Api, path: &str, index: &mut Index, changed: &Sender<TaskKey>) -> Result<(), Error> {
    let session = api.session(None, SendUntil::always(), Duration::from_secs(10));
    let list = session.send(&Call::get(path, &[("labelSelector", TASK_LABEL)], Accept::Object)).await?.body;
    tell(index.replace(view::list(&list, "/items")), changed).await;
    let version = view::text(&list, "/metadata/resourceVersion");
    let query = [
        ("labelSelector", TASK_LABEL),
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", version),
        ("timeoutSeconds", WATCH_SECONDS),
    ];
    let body = session.stream(&Call::get(path, &query, Accept::Object)).await?;
    events(body, index, changed).await
}

async fn events(body: Body, index: &mut Index, changed: &Sender<TaskKey>) -> Result<(), Error> {
    let mut chunks = body.into_data_stream();
    let mut rest = Vec::new();
    while let Some(chunk) = chunks.next().await {
        rest.extend_from_slice(&chunk.map_err(|e| Error::Later(e.to_string()))?);
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
            match view::text(&event, "/type") {
                "ERROR" => return Err(Error::Later(view::text(&event, "/object/message").to_owned())),
                kind => tell(index.take(kind, &event["object"]), changed).await,
            }
        }
    }
    Ok(())
}

async fn tell(tasks: impl IntoIterator<Item = TaskKey>, changed: &Sender<TaskKey>) {
    for task in tasks {
        // An error: nobody looks any more, the process stops.
        let _stopping = changed.send(task).await;
    }
}
