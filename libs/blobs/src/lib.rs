//! Records and blobs: one small trait, [`Blobs`], over `object_store` (S3, GCS, folder) and over the
//! embedded database, one contract suite that both pass, and [`Records`], the typed paths above it.
//!
//! Blob storage is the source of truth. A record is created once and never changed. What may be lost
//! and folded again belongs in the crate `state`; no body is ever logged here.

pub mod embedded;
mod metered;
pub mod object;
pub mod records;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
pub use records::{Changes, Records};

/// Blobs that [`Blobs::read_all`] reads at a time where the store has no call for many.
const CONCURRENT_READS: usize = 16;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Transient: may be tried again.
    #[error("blob storage did not answer: {0}")]
    Unavailable(String),
    /// What is stored forbids it.
    #[error("{0}")]
    Refused(String),
    /// What is stored is not what was written there.
    #[error("the record `{key}` cannot be read: {reason}")]
    Corrupt {
        /// Its key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// One stored blob, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// When it was written, by the store's clock.
    pub modified: Timestamp,
}

/// A store of blobs by key. Keys are `/`-separated segments of `[A-Za-z0-9._-]`, none of them `.` or `..`.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Writes a blob where there is none: `false`, and nothing written, where there is one. Durable on return.
    ///
    /// A store that answers a repeated request may say `false` of a blob that this very call has written.
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error>;

    /// Writes a blob, over any that is there. Durable on return.
    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error>;

    /// Reads a blob.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error>;

    /// Lists blobs whose key begins with `prefix` (empty, or ending with `/`), in the order of keys, after `after`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error>;

    /// Deletes a blob; done also where there is none. Durable on return.
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Reads every blob under `prefix` whose last segment is `name`, in the order of keys. For prefixes of few blobs.
    async fn read_all(&self, prefix: &str, name: &str) -> Result<Vec<(String, Bytes)>, Error> {
        let entries = self.list(prefix, None, usize::MAX).await?;
        let keys = entries.into_iter().map(|e| e.key).filter(|k| k.rsplit('/').next() == Some(name));
        let read = |key: String| async move { Ok::<_, Error>(self.get(&key).await?.map(|body| (key, body))) };
        let found: Vec<_> = stream::iter(keys.map(read)).buffered(CONCURRENT_READS).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}
