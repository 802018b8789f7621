//! The typed paths above a store of blobs.
//!
//! ```text
//! <tenant>/tasks/<id>/<n>/command|rendered|report|outcome|<note>
//! <tenant>/names/<name>/<k>
//! <tenant>/idempotency/<hash>
//! _contests/<name>/current    _contests/<name>/gates/<k>    _contests/<name>/<revision>    _contests/<name>/withdrawn
//! _installation    _compared
//! _access/tenants/<tenant>    _access/tokens/<token id>    _access/namespaces/<namespace>/<k>
//! ```
//!
//! What is written once is never changed: the first record holds, and a second writer is told so.

mod access;
mod claims;
mod contests;
pub use contests::Changes;
mod namespaces;
mod path;
mod sweep;
mod tasks;

use std::sync::Arc;

use bytes::Bytes;
pub use claims::{Idempotent, NameClaim};
pub use namespaces::{NamespaceClaim, UNBACKED_AFTER};
use serde::{Serialize, de::DeserializeOwned};
pub use sweep::{ABANDONED_AFTER, IDEMPOTENCY_KEPT, SweepReport, UNHEARD_AFTER};
pub use tasks::{Contents, unheard};
use uuid::Uuid;

use crate::{Blobs, Error, metered::Metered};

/// Records of tasks, names, idempotency keys, tenants and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    blobs: Arc<dyn Blobs>,
}

impl Records {
    /// Records in a store, whose calls are measured.
    pub fn new(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs: Arc::new(Metered(blobs)) }
    }

    /// Whether the store answers; else why not, for `/readyz`.
    pub async fn ready(&self) -> Result<(), Error> {
        self.blobs.get(path::PROBE).await.map(drop)
    }

    /// The id of this installation, made where there is none: it lasts as long as the records do.
    pub async fn installation(&self) -> Result<Uuid, Error> {
        if let Some(id) = self.read(path::INSTALLATION).await? {
            return Ok(id);
        }
        let made = Uuid::now_v7();
        self.create(path::INSTALLATION, &made).await?;
        // Of two that make it at a time the first one's holds.
        Ok(self.read(path::INSTALLATION).await?.unwrap_or(made))
    }

    /// What the state store was (`States::incarnation`) when all tasks were last compared with their records.
    pub async fn compared(&self) -> Result<Option<String>, Error> {
        self.read(path::COMPARED).await
    }

    /// Notes that all tasks were compared with their records, while the state store was this one.
    pub async fn put_compared(&self, incarnation: &str) -> Result<(), Error> {
        self.put(path::COMPARED, &incarnation).await
    }

    /// Writes a record where there is none. `true` also where the very same one is there: a store that answers
    /// a repeated request may refuse what this call has written itself.
    async fn create<T: Serialize>(&self, key: &str, record: &T) -> Result<bool, Error> {
        let body = encode(record);
        if self.blobs.create(key, body.clone()).await? {
            return Ok(true);
        }
        Ok(self.blobs.get(key).await?.is_some_and(|there| there == body))
    }

    async fn put<T: Serialize>(&self, key: &str, record: &T) -> Result<(), Error> {
        self.blobs.put(key, encode(record)).await
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.blobs.get(key).await?.map(|body| decode(key, &body)).transpose()
    }

    async fn read_all<T: DeserializeOwned>(&self, prefix: &str, name: &str) -> Result<Vec<(String, T)>, Error> {
        let all = self.blobs.read_all(prefix, name).await?;
        all.into_iter().map(|(key, body)| decode(&key, &body).map(|record| (key, record))).collect()
    }
}

fn encode<T: Serialize>(record: &T) -> Bytes {
    serde_json::to_vec(record).expect("records have string keys and finite numbers only").into()
}

fn decode<T: DeserializeOwned>(key: &str, body: &[u8]) -> Result<T, Error> {
    // serde_json's errors may quote a value, which may be secret: only the place is told.
    serde_json::from_slice(body).map_err(|error| Error::Corrupt {
        key: key.to_owned(),
        reason: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
    })
}
