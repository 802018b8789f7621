//! What survives the process: changes, written before they are answered, and snapshots.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    json::text,
    resource::RESOURCES,
    store::{Key, Store},
};

/// Why something could not be written or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the simulated cluster's data could not be written or read: {0}")]
pub struct Error(pub String);

/// One object's change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Tells the object from all others, for example `apps/v1/deployments/default/worker`.
    pub key: String,
    /// The version after the change. It grows with every change of the cluster; keep the highest, also of removals.
    pub version: u64,
    /// The object; `None`: it was removed.
    pub object: Option<Arc<Value>>,
}

/// Keeps changes durably.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Writes changes, in order, and returns when they are durable. Called by one at a time, with all that was
    /// changed since the last call: many writers share it. A batch may come again after a failure, or when the
    /// caller went away, so a change must be an overwrite by key.
    async fn append(&self, changes: &[Change]) -> Result<(), Error>;
}

/// What a journal kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// The highest [`Change::version`] that was kept.
    pub version: u64,
    /// The objects, in any order.
    pub objects: Vec<Arc<Value>>,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    seed: u64,
    version: u64,
    objects: Vec<Box<RawValue>>,
}

/// Writes a snapshot.
pub(crate) fn snapshot(store: &Store, seed: u64) -> Vec<u8> {
    let raw = |object: &Value| RawValue::from_string(object.to_string()).expect("JSON was written");
    let objects = store.all().map(|(_, object)| raw(object)).collect();
    serde_json::to_vec(&Snapshot { seed, version: store.version(), objects }).expect("a snapshot is JSON")
}

/// Reads a snapshot: the objects, and the seed.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Restored, u64), Error> {
    let error = |e: serde_json::Error| Error(e.to_string());
    let snapshot: Snapshot = serde_json::from_slice(bytes).map_err(error)?;
    let objects = snapshot.objects.iter().map(|raw| serde_json::from_str(raw.get()).map(Arc::new));
    let objects = objects.collect::<Result<_, _>>().map_err(error)?;
    Ok((Restored { version: snapshot.version, objects }, snapshot.seed))
}

/// The key of a restored object; none where its kind is not served any more.
pub(crate) fn key(object: &Value) -> Option<Key> {
    let (kind, version) = (text(object, "kind"), text(object, "apiVersion"));
    let resource = RESOURCES.iter().find(|r| r.kind == kind && r.api_version() == version)?;
    Some(Key::of(resource, object))
}
