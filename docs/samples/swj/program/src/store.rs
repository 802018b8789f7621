//! The plan, the results and the sum in blob storage.

use anyhow::{Context, Result};
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload, path::Path};
use serde::{Serialize, de::DeserializeOwned};

/// One computation's folder in blob storage.
pub struct Store {
    store: Box<dyn ObjectStore>,
    root: Path,
}

impl Store {
    /// Opens the folder `<url>/<run>`.
    pub fn open(url: &str, run: &str) -> Result<Self> {
        let url = url.parse().with_context(|| format!("`{url}` is not a URL such as s3://bucket/prefix"))?;
        let (store, root) = object_store::parse_url_opts(&url, std::env::vars())?;
        Ok(Self { store, root: root.join(run) })
    }

    /// Writes a value where there is none; one that is there stays.
    pub async fn create<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let body = PutPayload::from(serde_json::to_vec(value)?);
        match self.store.put_opts(&self.path(name), body, PutMode::Create.into()).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a value, if it is there.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.store.get(&self.path(name)).await {
            Ok(found) => Ok(Some(serde_json::from_slice(&found.bytes().await?)?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many values are in a folder.
    pub async fn count(&self, folder: &str) -> Result<usize> {
        let found: Vec<_> = self.store.list(Some(&self.path(folder))).try_collect().await?;
        Ok(found.len())
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }
}

/// The name of one chunk's result.
pub fn result(chunk: u32) -> String {
    format!("results/{chunk:06}")
}
