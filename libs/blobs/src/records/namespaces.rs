//! Claims of namespaces: each belongs to one tenant.
//!
//! A claim is a chain of create-only records, as a name's is, of which the highest holds. What it is worth is decided
//! by the tenant's record: a claim of a tenant that does not list the namespace was left by a crash, and may be taken
//! over once whoever made it can no longer be at work.

use domain::{Tenant, TenantName};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Records, path};
use crate::Error;

/// Tries to win a namespace's next link from other claimers before the caller is asked to come again.
const TRIES: usize = 8;

/// A claim that no record backs may be taken over after this: longer than any request takes.
pub const UNBACKED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Whose a namespace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceClaim {
    /// The claimer's, since this very call.
    Claimed,
    /// The claimer's since before.
    Kept,
    /// This tenant's.
    Taken(TenantName),
    /// This tenant claimed it a moment ago, and is not stored yet.
    BeingClaimed(TenantName),
}

/// One link of a namespace's chain.
#[derive(Serialize, Deserialize)]
struct Link {
    /// Whose it is; none: nobody's (it was given back).
    tenant: Option<TenantName>,
}

/// The end of a chain.
struct Last {
    k: u32,
    holder: Option<TenantName>,
    made: Timestamp,
}

impl Records {
    /// Claims a namespace, a label, for a tenant, as of `now`. Claiming it again for the same tenant is no change.
    pub async fn claim_namespace(
        &self,
        namespace: &str,
        tenant: &TenantName,
        now: Timestamp,
    ) -> Result<NamespaceClaim, Error> {
        for _ in 0..TRIES {
            let last = self.last_namespace_link(namespace).await?;
            if let Some(Last { holder: Some(holder), made, .. }) = &last {
                if holder == tenant {
                    return Ok(NamespaceClaim::Kept);
                }
                if self.tenant(holder).await?.is_some_and(|t| lists(&t, namespace)) {
                    return Ok(NamespaceClaim::Taken(holder.clone()));
                }
                if now.duration_since(*made) <= UNBACKED_AFTER {
                    return Ok(NamespaceClaim::BeingClaimed(holder.clone()));
                }
            }
            let k = last.map_or(0, |last| last.k) + 1;
            // Another link of the same content is another claimer's: which of two requests made it matters here.
            if self.blobs.create(&path::namespace(namespace, k), super::encode(&link(Some(tenant)))).await? {
                return Ok(NamespaceClaim::Claimed);
            }
        }
        Err(Error::Unavailable(format!("others claim the namespace `{namespace}` at this moment; try again")))
    }

    /// The tenant whose claim of a namespace holds, whatever its record says.
    pub async fn namespace_holder(&self, namespace: &str) -> Result<Option<TenantName>, Error> {
        Ok(self.last_namespace_link(namespace).await?.and_then(|last| last.holder))
    }

    /// Gives a namespace back, if it is still the tenant's. A link of nobody's, for a deleted one could be claimed twice.
    pub async fn free_namespace(&self, namespace: &str, tenant: &TenantName) -> Result<(), Error> {
        match self.last_namespace_link(namespace).await? {
            Some(Last { k, holder: Some(holder), .. }) if holder == *tenant => {
                self.create(&path::namespace(namespace, k + 1), &link(None)).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn last_namespace_link(&self, namespace: &str) -> Result<Option<Last>, Error> {
        let links = self.blobs.list(&path::namespace_chain(namespace), None, usize::MAX).await?;
        let Some(entry) = links.last() else { return Ok(None) };
        let Some(k) = entry.key.rsplit('/').next().and_then(|k| k.parse().ok()) else { return Ok(None) };
        let link = self.read::<Link>(&entry.key).await?;
        Ok(link.map(|link| Last { k, holder: link.tenant, made: entry.modified }))
    }
}

fn link(tenant: Option<&TenantName>) -> Link {
    Link { tenant: tenant.cloned() }
}

fn lists(tenant: &Tenant, namespace: &str) -> bool {
    tenant.namespaces.iter().any(|own| own == namespace)
}
