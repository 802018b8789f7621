//! Every `kind: Job` that was ever there, by a watch of the test's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::TryStreamExt as _;
use kube::{
    Api, Client,
    api::{DynamicObject, WatchEvent, WatchParams},
    core::{ApiResource, GroupVersionKind},
};
use tokio::task::JoinHandle;

/// Uids by name.
type Seen = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

/// The watch; it ends with its handle.
pub struct Jobs {
    seen: Seen,
    task: JoinHandle<()>,
}

impl Jobs {
    pub async fn watch(client: &Client, namespace: &str) -> Self {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("batch", "v1", "Job"));
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
        let seen = Seen::default();
        let version = api.list(&Default::default()).await.expect("a list").metadata.resource_version;
        let task = tokio::spawn(follow(api, version.unwrap_or_default(), seen.clone()));
        Self { seen, task }
    }

    /// Names under which more than one Job was made.
    pub fn ran_twice(&self) -> Vec<String> {
        assert!(!self.task.is_finished(), "the watch broke: nothing can be said");
        let seen = self.seen.lock().expect("no holder panics");
        assert!(!seen.is_empty(), "no Job was ever seen");
        seen.iter().filter(|(_, uids)| uids.len() > 1).map(|(name, _)| name.clone()).collect()
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows from a version on; ends only where the API server has forgotten it.
async fn follow(api: Api<DynamicObject>, mut version: String, seen: Seen) {
    loop {
        let Ok(stream) = api.watch(&WatchParams::default(), &version).await else { continue };
        let mut stream = std::pin::pin!(stream);
        while let Ok(Some(event)) = stream.try_next().await {
            match event {
                WatchEvent::Added(job) | WatchEvent::Modified(job) | WatchEvent::Deleted(job) => {
                    version = job.metadata.resource_version.clone().unwrap_or(version);
                    let (name, uid) = (job.metadata.name.unwrap_or_default(), job.metadata.uid.unwrap_or_default());
                    seen.lock().expect("no holder panics").entry(name).or_default().insert(uid);
                }
                WatchEvent::Bookmark(mark) => version = mark.metadata.resource_version,
                WatchEvent::Error(_) => return,
            }
        }
    }
}
