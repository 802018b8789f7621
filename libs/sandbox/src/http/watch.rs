//! Watches: the log as a stream, with bookmarks, and 410 where it was forgotten.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use ::http::Response;
use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::{sync::watch::Receiver, time::Instant};

use super::{Answer, Asked, list, partial, response};
use crate::{
    cluster::Cluster,
    failure::Failure,
    selector::Selection,
    store::{Logged, Store},
};

/// How often a quiet watch is told how far it is, as the API server does about once a minute.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// A watch ends after this, unless it asks for less.
const LONGEST: Duration = Duration::from_secs(1800);

struct Watch {
    cluster: Arc<Cluster>,
    asked: What,
    versions: Receiver<u64>,
    /// The version up to which everything that is durable was sent.
    sent: u64,
    queue: VecDeque<Bytes>,
    bookmark: Option<Instant>,
    end: Instant,
    over: bool,
}

struct What {
    resource: &'static crate::resource::Resource,
    namespace: String,
    selection: Selection,
    metadata: bool,
}

pub(super) fn answer(cluster: &Arc<Cluster>, asked: &Asked) -> Result<Response<Answer>, Failure> {
    let what = What {
        resource: asked.target.resource,
        namespace: asked.target.namespace.clone(),
        selection: list::selection(asked)?,
        metadata: asked.accept.contains("as=PartialObjectMetadata"),
    };
    let mut versions = cluster.versions();
    versions.mark_changed();
    let now = Instant::now();
    let seconds = asked.query.number("timeoutSeconds").filter(|s| *s > 0);
    let bookmarks = asked.query.flag("allowWatchBookmarks");
    let mut watch = Watch {
        cluster: cluster.clone(),
        asked: what,
        versions,
        sent: 0,
        queue: VecDeque::new(),
        bookmark: bookmarks.then_some(now + BOOKMARKS),
        end: now + seconds.map_or(LONGEST, Duration::from_secs).min(LONGEST),
        over: false,
    };
    watch.begin(asked.query.number("resourceVersion").unwrap_or(0), asked.query.flag("sendInitialEvents"));
    let frames = stream::unfold(watch, |mut watch| async move {
        let bytes = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), watch))
    });
    Ok(response(200, "application/json", StreamBody::new(frames).boxed_unsync()))
}

impl Watch {
    /// From version 0: all that is there, then what follows.
    fn begin(&mut self, version: u64, initial: bool) {
        let cluster = self.cluster.clone();
        cluster.read(|store| {
            self.sent = version;
            if version == 0 || initial {
                self.everything(store);
            } else if version < store.compacted() {
                self.too_old(version, store);
            }
        });
        if initial && !self.over {
            self.send_bookmark(&json!({"k8s.io/initial-events-end": "true"}));
        }
    }

    /// All that is there and durable.
    fn everything(&mut self, store: &Store) {
        self.sent = self.cluster.durable();
        let place = (self.asked.resource, self.asked.namespace.as_str());
        match list::at_version(store, place, &self.asked.selection, self.sent) {
            Ok(there) => there.iter().for_each(|(_, object)| self.send("ADDED", object)),
            Err(_) => self.too_old(self.sent, store),
        }
    }

    fn too_old(&mut self, version: u64, store: &Store) {
        let failure = Failure::expired(format!("too old resource version: {version} ({})", store.compacted()));
        self.push(&json!({"type": "ERROR", "object": failure.status()}));
        self.over = true;
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.queue.pop_front() {
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let due = self.bookmark.map_or(self.end, |b| b.min(self.end));
        match tokio::time::timeout_at(due, self.versions.changed()).await {
            Ok(Ok(())) => self.catch_up(),
            Ok(Err(_)) => self.over = true,
            Err(_) if Instant::now() >= self.end => self.over = true,
            Err(_) => {
                self.send_bookmark(&json!({}));
                self.bookmark = Some(Instant::now() + BOOKMARKS);
            }
        }
    }

    fn catch_up(&mut self) {
        let cluster = self.cluster.clone();
        cluster.read(|store| {
            if self.sent < store.compacted() {
                return self.too_old(self.sent, store);
            }
            let durable = cluster.durable();
            let lines = store.log_after(self.sent).take_while(|line| line.version <= durable);
            let events: Vec<_> = lines.filter_map(|line| self.asked.event(line)).collect();
            events.into_iter().for_each(|(kind, object)| self.send(kind, &object));
            self.sent = durable.max(self.sent);
        });
    }

    fn send(&mut self, kind: &str, object: &Value) {
        let object = if self.asked.metadata { partial(object) } else { object.clone() };
        self.push(&json!({"type": kind, "object": object}));
    }

    fn send_bookmark(&mut self, annotations: &Value) {
        let (kind, version) = (self.asked.resource.kind, self.asked.resource.api_version());
        let mut object =
            json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": self.sent.to_string()}});
        if annotations.as_object().is_some_and(|a| !a.is_empty()) {
            object["metadata"]["annotations"] = annotations.clone();
        }
        self.send("BOOKMARK", &object);
    }

    fn push(&mut self, event: &Value) {
        self.queue.push_back(Bytes::from(format!("{event}\n")));
    }
}

impl What {
    /// What a line of the log is to this watch: an object may enter or leave its selection.
    fn event(&self, line: &Logged) -> Option<(&'static str, Arc<Value>)> {
        let namespace = self.namespace.is_empty() || *line.key.namespace == *self.namespace;
        if line.key.resource != self.resource.index() || !namespace {
            return None;
        }
        let before = line.before.as_ref().is_some_and(|o| self.selection.matches(o));
        let after = !line.removed && self.selection.matches(&line.after);
        let kind = match (before, after) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some((kind, line.after.clone()))
    }
}
