//! Blobs of which one read can be held up.

use std::sync::Arc;

use async_trait::async_trait;
use blobs::{Blobs, Entry, Error, embedded::EmbeddedBlobs};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Holds up the next read of a key that ends so; tells that it does, and waits for the word to go on.
type Gate = (String, oneshot::Sender<()>, oneshot::Receiver<()>);

pub struct Gated {
    inner: EmbeddedBlobs,
    next: Mutex<Option<Gate>>,
}

impl Gated {
    pub fn over(inner: EmbeddedBlobs) -> Arc<Self> {
        Arc::new(Self { inner, next: Mutex::default() })
    }

    /// Holds up the next read of a key that ends so: when it does, and what lets it go on.
    pub fn hold(&self, key: &str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((reached, is_reached), (open, is_open)) = (oneshot::channel(), oneshot::channel());
        *self.next.lock() = Some((key.to_owned(), reached, is_open));
        (is_reached, open)
    }
}

#[async_trait]
impl Blobs for Gated {
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error> {
        self.inner.create(key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error> {
        self.inner.put(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let found = self.inner.get(key).await;
        let gate = self.next.lock().take_if(|(held, ..)| key.ends_with(held.as_str()));
        if let Some((_, reached, is_open)) = gate {
            // A test that has ended waits for nothing.
            let _ = reached.send(());
            let _ = is_open.await;
        }
        found
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.inner.delete(key).await
    }
}
