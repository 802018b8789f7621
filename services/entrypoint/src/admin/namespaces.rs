//! A tenant is written with its namespaces, each of which belongs to one tenant.
//!
//! Claims come first, then the tenant's record, which is what counts; then everything is looked at once more, so
//! that of two that write at the same time one takes back what it wrote. What a crash leaves in between is a claim
//! that no record backs: it is the same tenant's to use, and anybody's after a minute.

use blobs::records::NamespaceClaim;
use bootstrap::HttpError;
use domain::{Problem, Tenant, TenantName};
use jiff::Timestamp;

use crate::Entry;

/// Why a tenant's namespaces were not claimed.
enum Refusal {
    /// This one is another tenant's.
    Taken(String, HttpError),
    /// The records do not answer.
    Failed(HttpError),
}

impl From<blobs::Error> for Refusal {
    fn from(error: blobs::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        let (Refusal::Taken(_, error) | Refusal::Failed(error)) = refusal;
        error
    }
}

impl Entry {
    /// Writes a tenant, if its namespaces are nobody else's. `true`: there was one of that name before.
    pub async fn write_tenant(&self, tenant: &Tenant) -> Result<bool, HttpError> {
        let records = &self.context.records;
        let before = records.tenant(&tenant.name).await?;
        self.claim(tenant).await?;
        records.put_tenant(tenant).await?;
        self.look_again(tenant).await?;
        let own = before.as_ref().map(|before| before.namespaces.as_slice()).unwrap_or_default();
        self.free(&tenant.name, own.iter().filter(|n| !tenant.namespaces.contains(n))).await?;
        Ok(before.is_some())
    }

    /// Deletes a tenant; its namespaces are free.
    pub async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), HttpError> {
        self.context.records.delete_tenant(&tenant.name).await?;
        self.free(&tenant.name, tenant.namespaces.iter()).await
    }

    /// Claims every namespace of a tenant, or none.
    async fn claim(&self, tenant: &Tenant) -> Result<(), Refusal> {
        let records = &self.context.records;
        // Records of before there were claims count too.
        let others = records.access_tenants().await?;
        let mut others = others.iter().filter(|t| t.name != tenant.name);
        let both = others.find_map(|t| Some((t, tenant.namespaces.iter().find(|n| t.owns(n))?)));
        if let Some((owner, namespace)) = both {
            return Err(taken(namespace, &owner.name));
        }
        let mut claimed = Vec::new();
        for namespace in &tenant.namespaces {
            let refusal = match records.claim_namespace(namespace, &tenant.name, Timestamp::now()).await {
                Ok(NamespaceClaim::Kept) => continue,
                Ok(NamespaceClaim::Claimed) => {
                    claimed.push(namespace);
                    continue;
                }
                Ok(NamespaceClaim::Taken(owner)) => taken(namespace, &owner),
                Ok(NamespaceClaim::BeingClaimed(owner)) => being_claimed(namespace, &owner),
                Err(error) => error.into(),
            };
            self.free(&tenant.name, claimed.into_iter()).await.map_err(Refusal::Failed)?;
            return Err(refusal);
        }
        Ok(())
    }

    /// Takes back what turns out to be another's, although it was not a moment ago.
    async fn look_again(&self, tenant: &Tenant) -> Result<(), HttpError> {
        let (records, mut stored, mut lost) = (&self.context.records, tenant.clone(), None);
        while !stored.namespaces.is_empty() {
            match self.claim(&stored).await {
                Ok(()) => break,
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::Taken(namespace, error)) => {
                    stored.namespaces.retain(|n| *n != namespace);
                    lost = Some(error);
                    match stored.namespaces.is_empty() {
                        true => records.delete_tenant(&stored.name).await?,
                        false => records.put_tenant(&stored).await?,
                    }
                }
            }
        }
        lost.map_or(Ok(()), Err)
    }

    async fn free(&self, tenant: &TenantName, namespaces: impl Iterator<Item = &String>) -> Result<(), HttpError> {
        for namespace in namespaces {
            self.context.records.free_namespace(namespace, tenant).await?;
        }
        Ok(())
    }
}

fn taken(namespace: &str, owner: &TenantName) -> Refusal {
    let detail = format!(
        "the namespace `{namespace}` is tenant `{owner}`'s, and each belongs to one: choose another, or take it from \
         `{owner}` first"
    );
    refusal(namespace, detail)
}

fn being_claimed(namespace: &str, owner: &TenantName) -> Refusal {
    let detail = format!(
        "the namespace `{namespace}` is being claimed for tenant `{owner}` at this moment: try again in a minute, or \
         choose another"
    );
    refusal(namespace, detail)
}

fn refusal(namespace: &str, detail: String) -> Refusal {
    let problem = Problem::error("namespace_taken", detail.clone()).at("namespaces");
    Refusal::Taken(namespace.to_owned(), HttpError::conflict("namespace-taken", detail).with(vec![problem]))
}
