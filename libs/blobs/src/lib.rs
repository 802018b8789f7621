//! Records and blobs: one small trait, [`Blobs`], over `object_store` (S3, GCS, folder) and over the
//! embedded database, one contract suite that both pass, and [`Records`], the typed paths above it.
//!
//! Blob storage is the source of truth. A record is created once and never changed.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Transient: may be tried again.
    #[error("blob storage did not answer: {0}")]
    Unavailable(String),
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

/// A store of blobs by key. Keys are `/`-separated segments of `[A-Za-z0-9._-]`.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Writes a blob where there is none: `false`, and nothing written, where there is one. Durable on return.
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error>;

    /// Writes a blob, over any that is there. Durable on return.
    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error>;

    /// Reads a blob.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error>;

    /// Lists blobs whose key begins with `prefix` (which ends with `/`), in the order of keys, after `after`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error>;

    /// Deletes a blob; done also where there is none.
    async fn delete(&self, key: &str) -> Result<(), Error>;
}
