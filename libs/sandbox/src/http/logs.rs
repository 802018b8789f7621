//! Logs of pods that do not run.

use std::{convert::Infallible, sync::Arc};

use ::http::Response;
use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::{Answer, query::Query, response, route::Target};
use crate::{
    cluster::Cluster,
    failure::Failure,
    json::{items, text},
    store::Key,
};

pub(super) fn answer(cluster: &Arc<Cluster>, target: &Target, query: &Query) -> Result<Response<Answer>, Failure> {
    let missing = || Failure::not_found(target.resource, &target.name);
    let pod = cluster.read(|store| store.get(&target.key()).cloned()).ok_or_else(missing)?;
    if target.resource.kind != "Pod" {
        return Err(Failure::no_such_path());
    }
    let container = match query.get("container") {
        Some(name) if find(&pod, "spec", ["containers", "initContainers"], name).is_some() => name,
        Some(name) => {
            return Err(Failure::bad_request(format!("container {name} is not valid for pod {}", target.name)));
        }
        None => items(&pod, "spec.containers").first().map(|c| text(c, "name")).unwrap_or_default(),
    };
    if lines(&pod, container).is_empty() {
        let why = format!("container {container:?} in pod {:?} is waiting to start: ContainerCreating", target.name);
        return Err(Failure::bad_request(why));
    }
    let tail = query.number("tailLines").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let skip = lines(&pod, container).len().saturating_sub(tail);
    let log = Log { key: target.key(), container: container.to_owned(), sent: skip, follow: query.flag("follow") };
    let start = (cluster.clone(), cluster.versions(), log, false);
    let frames = stream::unfold(start, |(cluster, mut versions, mut log, over)| async move {
        if over {
            return None;
        }
        let (text, over) = log.next(&cluster, &mut versions).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), (cluster, versions, log, over)))
    });
    Ok(response(200, "text/plain", StreamBody::new(frames).boxed_unsync()))
}

struct Log {
    key: Key,
    container: String,
    sent: usize,
    follow: bool,
}

impl Log {
    /// The next lines, and whether they are the last.
    async fn next(&mut self, cluster: &Cluster, versions: &mut Receiver<u64>) -> (String, bool) {
        loop {
            versions.mark_unchanged();
            let Some(pod) = cluster.read(|store| store.get(&self.key).cloned()) else { return (String::new(), true) };
            let lines = lines(&pod, &self.container);
            let initial = find(&pod, "spec", ["initContainers"], &self.container).is_some();
            let over = !self.follow || initial || matches!(text(&pod, "status.phase"), "Succeeded" | "Failed");
            if over || lines.len() > self.sent {
                let new: String = lines.iter().skip(self.sent).map(|line| format!("{line}\n")).collect();
                self.sent = lines.len().max(self.sent);
                return (new, over);
            }
            if versions.changed().await.is_err() {
                return (String::new(), true);
            }
        }
    }
}

/// What the pod's lists say of that container.
fn find<'a, const N: usize>(pod: &'a Value, part: &str, lists: [&str; N], container: &str) -> Option<&'a Value> {
    let named = |c: &&Value| text(c, "name") == container;
    lists.into_iter().find_map(|list| items(pod, &format!("{part}.{list}")).iter().find(named))
}

/// What a container would say; nothing before it started.
fn lines(pod: &Value, container: &str) -> Vec<String> {
    let status = find(pod, "status", ["containerStatuses", "initContainerStatuses"], container);
    let image = find(pod, "spec", ["containers", "initContainers"], container);
    let (Some(status), Some(image)) = (status, image.map(|c| text(c, "image"))) else { return Vec::new() };
    let ended =
        [&status["state"]["terminated"], &status["lastState"]["terminated"]].into_iter().find(|t| t.is_object());
    if ended.is_none() && !status["state"]["running"].is_object() {
        return Vec::new();
    }
    let name = text(pod, "metadata.name");
    let mut lines = vec![
        format!("simulated: container {container} of pod {name} started, nothing runs"),
        format!("simulated: image {image} was not pulled; a real cluster would show its output here"),
    ];
    if let Some(ended) = ended {
        lines.push(format!("simulated: ended with exit code {} ({})", ended["exitCode"], text(ended, "reason")));
    }
    lines
}
