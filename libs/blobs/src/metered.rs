//! Measures every call of a store: seconds and outcome by operation.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Blobs, Entry, Error};

/// A histogram in seconds, by `operation` and `outcome` (`ok`, `unavailable`, `refused`, `corrupt`).
const SECONDS: &str = "marea_blobs_operation_seconds";

/// Another store, measured.
pub(crate) struct Metered(pub(crate) Arc<dyn Blobs>);

fn measured<T>(operation: &'static str, began: Instant, result: Result<T, Error>) -> Result<T, Error> {
    let outcome = match &result {
        Ok(_) => "ok",
        Err(Error::Unavailable(_)) => "unavailable",
        Err(Error::Refused(_)) => "refused",
        Err(Error::Corrupt { .. }) => "corrupt",
    };
    metrics::histogram!(SECONDS, "operation" => operation, "outcome" => outcome).record(began.elapsed());
    result
}

#[async_trait]
impl Blobs for Metered {
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error> {
        measured("create", Instant::now(), self.0.create(key, body).await)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error> {
        measured("put", Instant::now(), self.0.put(key, body).await)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        measured("get", Instant::now(), self.0.get(key).await)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        measured("list", Instant::now(), self.0.list(prefix, after, limit).await)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        measured("delete", Instant::now(), self.0.delete(key).await)
    }

    async fn read_all(&self, prefix: &str, name: &str) -> Result<Vec<(String, Bytes)>, Error> {
        measured("read_all", Instant::now(), self.0.read_all(prefix, name).await)
    }
}
