//! Claims by create-only records: names of tasks, and idempotency keys.

use domain::{Revision, TaskId, TaskName, TenantName};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::UNBACKED_AFTER;
use super::{Records, encode, path};
use crate::Error;

/// Tries to win a name's next link from other claimers before the caller is asked to come again.
const TRIES: usize = 8;

/// A claim that is older is made anew where its task claims it again, so that it is not taken over ([`UNBACKED_AFTER`])
/// before the request that claims it has stored its command.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Whose a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameClaim {
    /// The claimer's.
    Claimed,
    /// Another task's. Where that task is rolled back, [`Records::reclaim`].
    Taken(TaskId),
}

/// What an idempotency key says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotent {
    /// It is the first of its key.
    New,
    /// It was sent before: go on with this task and command.
    Same {
        /// The task.
        id: TaskId,
        /// The command's number.
        n: Revision,
    },
    /// The key was sent with another body.
    OtherBody,
}

/// One link of a name's chain, of which the highest holds. Never changed; the first one is never deleted,
/// so that to create it is to know that the name was never claimed.
#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    /// Whose the name is; none: nobody's (the sweep gave it back).
    pub(super) task: Option<TaskId>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    body: String,
    task: TaskId,
    revision: Revision,
}

impl Records {
    /// Claims a name for a task. Claiming it again for the same task is no change.
    pub async fn claim_name(&self, tenant: &TenantName, name: &TaskName, id: TaskId) -> Result<NameClaim, Error> {
        let first = encode(&Link { task: Some(id) });
        if self.blobs.create(&path::name(tenant, name, 1), first).await? {
            return Ok(NameClaim::Claimed);
        }
        self.claim_after(tenant, name, None, id).await
    }

    /// Claims a name that is still `from`'s, which the caller knows to be rolled back (or never to have been stored).
    pub async fn reclaim(
        &self,
        tenant: &TenantName,
        name: &TaskName,
        from: TaskId,
        id: TaskId,
    ) -> Result<NameClaim, Error> {
        self.claim_after(tenant, name, Some(from), id).await
    }

    /// The task that a name belongs to; where it is rolled back, the last one that had it.
    pub async fn name_holder(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, Error> {
        Ok(self.last_link(tenant, name).await?.and_then(|(_, link)| link.task))
    }

    /// A name's last link, and when it was made, by the store's clock.
    pub async fn name_claimed(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<(u32, Timestamp)>, Error> {
        let links = self.blobs.list(&path::name_chain(tenant, name), None, usize::MAX).await?;
        Ok(links.last().and_then(|link| Some((path::parse_name(&link.key)?.1, link.modified))))
    }

    /// Claims a name whose last link is still this one, which the caller knows to be nobody's. Whoever claims it again
    /// meanwhile for the task that had it makes another link.
    pub async fn reclaim_link(
        &self,
        tenant: &TenantName,
        name: &TaskName,
        link: u32,
        id: TaskId,
    ) -> Result<bool, Error> {
        self.create(&path::name(tenant, name, link + 1), &Link { task: Some(id) }).await
    }

    async fn claim_after(
        &self,
        tenant: &TenantName,
        name: &TaskName,
        from: Option<TaskId>,
        id: TaskId,
    ) -> Result<NameClaim, Error> {
        for _ in 0..TRIES {
            let (k, holder) = self.last_link(tenant, name).await?.map_or((0, None), |(k, link)| (k, link.task));
            match holder {
                Some(holder) if holder == id && !self.is_old(tenant, name).await? => return Ok(NameClaim::Claimed),
                // Once more: others take an old one that no command backs for one that was given up.
                Some(holder) if holder == id => {}
                Some(holder) if Some(holder) != from => return Ok(NameClaim::Taken(holder)),
                _ => {}
            }
            if self.create(&path::name(tenant, name, k + 1), &Link { task: Some(id) }).await? {
                return Ok(NameClaim::Claimed);
            }
        }
        Err(Error::Unavailable(format!("others claim the name `{name}` at this moment; try again")))
    }

    async fn is_old(&self, tenant: &TenantName, name: &TaskName) -> Result<bool, Error> {
        let claimed = self.name_claimed(tenant, name).await?;
        Ok(claimed.is_none_or(|(_, at)| Timestamp::now().duration_since(at) > RENEWED_AFTER))
    }

    pub(super) async fn last_link(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<(u32, Link)>, Error> {
        let links = self.blobs.list(&path::name_chain(tenant, name), None, usize::MAX).await?;
        let Some((_, k)) = links.last().and_then(|e| path::parse_name(&e.key)) else { return Ok(None) };
        Ok(self.read(&path::name(tenant, name, k)).await?.map(|link| (k, link)))
    }

    /// Gives a name back, if it is still the task's: a link of nobody's, for a deleted one could be claimed twice
    /// (by one who has seen it, and by one who has not).
    pub(super) async fn give_back(&self, tenant: &TenantName, name: &TaskName, id: TaskId) -> Result<bool, Error> {
        match self.last_link(tenant, name).await? {
            Some((k, link)) if link.task == Some(id) => {
                self.create(&path::name(tenant, name, k + 1), &Link { task: None }).await
            }
            _ => Ok(false),
        }
    }

    /// Keeps an idempotency key for a request, or says what it was used for. Hashes are in hexadecimal.
    /// Kept for 24 h, and until the next sweep.
    pub async fn idempotency(
        &self,
        tenant: &TenantName,
        key_hash: &str,
        body_hash: &str,
        id: TaskId,
        n: Revision,
    ) -> Result<Idempotent, Error> {
        let place = path::idempotency(tenant, key_hash);
        let ours = Key { body: body_hash.to_owned(), task: id, revision: n };
        for _ in 0..TRIES {
            if self.create(&place, &ours).await? {
                return Ok(Idempotent::New);
            }
            match self.read::<Key>(&place).await? {
                Some(key) if key.body != body_hash => return Ok(Idempotent::OtherBody),
                Some(key) => return Ok(Idempotent::Same { id: key.task, n: key.revision }),
                // The sweep removed it in between.
                None => {}
            }
        }
        Err(Error::Unavailable("the idempotency key comes and goes; try again".to_owned()))
    }
}
