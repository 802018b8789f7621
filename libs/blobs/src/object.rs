//! Blobs over `object_store`: S3, GCS, or a folder whose writes are synced.

mod folder;
mod open;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, path::Path};
pub use open::{OpenError, Options};

use crate::{Blobs, Entry, Error, object::folder::Folder};

/// Tries of a conditional put that the store refused for another writer that then wrote nothing (S3's 409).
const CONFLICT_TRIES: usize = 3;

/// Blobs in a bucket or folder.
pub struct ObjectBlobs {
    store: Arc<dyn ObjectStore>,
    /// Set where the store is a folder: object_store neither sorts its lists nor syncs its deletes, and syncs
    /// its creates more often than it must.
    folder: Option<Folder>,
    /// Prepended to every key.
    base: String,
    deadline: Duration,
}

impl ObjectBlobs {
    fn path(&self, key: &str) -> Result<Path, Error> {
        Path::parse(format!("{}{key}", self.base)).map_err(|e| corrupt(key, &e))
    }

    /// Ends every call in time, however the store behaves: retries and waits for answers included.
    async fn within<T>(&self, call: impl Future<Output = object_store::Result<T>>) -> Result<Answer<T>, Error> {
        let Ok(result) = tokio::time::timeout(self.deadline, call).await else {
            return Err(Error::Unavailable(format!("no answer within {} s", self.deadline.as_secs_f32())));
        };
        match result {
            Ok(value) => Ok(Answer::Done(value)),
            Err(object_store::Error::NotFound { .. }) => Ok(Answer::Absent),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Answer::Present),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    fn entry(&self, meta: &ObjectMeta) -> Option<Entry> {
        let key = meta.location.as_ref().strip_prefix(&self.base)?.to_owned();
        let modified = Timestamp::from_millisecond(meta.last_modified.timestamp_millis()).ok()?;
        Some(Entry { key, modified })
    }

    async fn try_create(&self, path: &Path, body: &Bytes) -> Result<Answer<()>, Error> {
        let put = self.store.put_opts(path, body.clone().into(), PutMode::Create.into());
        self.within(async { put.await.map(drop) }).await
    }
}

/// What a store said, its errors that are answers included.
enum Answer<T> {
    Done(T),
    Absent,
    Present,
}

fn corrupt(key: &str, reason: &dyn std::fmt::Display) -> Error {
    Error::Corrupt { key: key.to_owned(), reason: reason.to_string() }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn create(&self, key: &str, body: Bytes) -> Result<bool, Error> {
        let path = self.path(key)?;
        if let Some(folder) = &self.folder {
            return folder.create(path.as_ref(), body).await;
        }
        for _ in 0..CONFLICT_TRIES {
            if let Answer::Done(()) = self.try_create(&path, &body).await? {
                return Ok(true);
            }
            // S3 answers 409 while another conditional put of the key is under way, which may yet fail.
            if let Answer::Done(_) = self.within(self.store.head(&path)).await? {
                return Ok(false);
            }
        }
        Err(Error::Unavailable("other writers of the key hold it up; try again".to_owned()))
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Error> {
        let path = self.path(key)?;
        match self.within(self.store.put(&path, body.into())).await? {
            Answer::Done(_) => Ok(()),
            Answer::Absent => Err(Error::Unavailable("the bucket or folder is not there; create it".to_owned())),
            Answer::Present => Err(Error::Unavailable("another writer holds up the key; try again".to_owned())),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let path = self.path(key)?;
        if let Some(folder) = &self.folder {
            return folder.get(path.as_ref()).await;
        }
        match self.within(async { self.store.get(&path).await?.bytes().await }).await? {
            Answer::Done(body) => Ok(Some(body)),
            Answer::Absent | Answer::Present => Ok(None),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
        if let Some(folder) = &self.folder {
            return folder.list(prefix, after, limit).await;
        }
        let under = self.path(prefix)?;
        let listed = match after {
            Some(after) => self.store.list_with_offset(Some(&under), &self.path(after)?),
            None => self.store.list(Some(&under)),
        };
        match self.within(listed.take(limit).try_collect::<Vec<_>>()).await? {
            Answer::Done(found) => Ok(found.iter().filter_map(|meta| self.entry(meta)).collect()),
            Answer::Absent | Answer::Present => Ok(vec![]),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        if let Some(folder) = &self.folder {
            return folder.delete(path.as_ref()).await;
        }
        self.within(self.store.delete(&path)).await.map(drop)
    }
}
