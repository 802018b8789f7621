//! Access records: tenants and tokens. Changed in place, by administrators only.

use domain::{Tenant, TenantName, access::Token};
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use super::{Records, path};
use crate::Error;

/// Records read at a time by the lists.
const CONCURRENT_READS: usize = 16;
/// A token's id is at most this long, so that one from a request makes no endless key.
const TOKEN_ID_BYTES: usize = 64;

fn tenant(name: &TenantName) -> String {
    format!("{}{name}", path::TENANTS)
}

/// `None` where the text, which may come from anybody, cannot be a token's id.
fn token(id: &str) -> Option<String> {
    let fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let valid = !id.is_empty() && id.len() <= TOKEN_ID_BYTES && id.chars().all(fit);
    valid.then(|| format!("{}{id}", path::TOKENS))
}

impl Records {
    /// Writes a tenant, over the one of that name.
    pub async fn put_tenant(&self, record: &Tenant) -> Result<(), Error> {
        self.put(&tenant(&record.name), record).await
    }

    /// A tenant by its name.
    pub async fn tenant(&self, name: &TenantName) -> Result<Option<Tenant>, Error> {
        self.read(&tenant(name)).await
    }

    /// Every tenant that an administrator made, by name. (Those that have records: [`Records::tenants`].)
    pub async fn access_tenants(&self) -> Result<Vec<Tenant>, Error> {
        self.all(path::TENANTS).await
    }

    /// Deletes a tenant's access record; its tasks stay.
    pub async fn delete_tenant(&self, name: &TenantName) -> Result<(), Error> {
        self.blobs.delete(&tenant(name)).await
    }

    /// Writes a token, over the one of that id.
    pub async fn put_token(&self, record: &Token) -> Result<(), Error> {
        let key = token(&record.id).ok_or_else(|| Error::Corrupt {
            key: path::TOKENS.to_owned(),
            reason: "a token's id is 1 to 64 letters, digits, hyphens and underscores".to_owned(),
        })?;
        self.put(&key, record).await
    }

    /// A token by its id, which may come from anybody.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, Error> {
        match token(id) {
            Some(key) => self.read(&key).await,
            None => Ok(None),
        }
    }

    /// Every token, by id.
    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.all(path::TOKENS).await
    }

    /// Deletes a token; done also where there is none.
    pub async fn delete_token(&self, id: &str) -> Result<(), Error> {
        match token(id) {
            Some(key) => self.blobs.delete(&key).await,
            None => Ok(()),
        }
    }

    async fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, Error> {
        let entries = self.blobs.list(prefix, None, usize::MAX).await?;
        let reads = entries.into_iter().map(|entry| async move { self.read(&entry.key).await });
        let found: Vec<Option<T>> = stream::iter(reads).buffered(CONCURRENT_READS).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}
