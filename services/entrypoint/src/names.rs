//! Names: unique among a tenant's tasks that are not rolled back.

use blobs::records::{NameClaim, UNBACKED_AFTER};
use bootstrap::HttpError;
use domain::{Problem, TaskId, TaskKey, TaskName, TenantName, record::Ending};
use jiff::Timestamp;

use crate::Entry;

/// Whether the name looks like a generated one. Those are not claimed: their twelve random digits are the id's.
fn is_generated(name: &TaskName) -> bool {
    let digits = name.as_str().strip_prefix("task-");
    digits.is_some_and(|d| d.len() == 12 && d.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

impl Entry {
    /// The task's name: the one asked for, now claimed, or a generated one.
    pub async fn name(&self, tenant: &TenantName, asked: Option<TaskName>, id: TaskId) -> Result<TaskName, HttpError> {
        let Some(name) = asked else { return Ok(TaskName::generated(id)) };
        if is_generated(&name) {
            let message = "names of the form task-<12 hexadecimal digits> are given by the server; choose another";
            return Err(HttpError::parameter("name", message));
        }
        let records = &self.context.records;
        match records.claim_name(tenant, &name, id).await? {
            NameClaim::Claimed => Ok(name),
            NameClaim::Taken(holder) => {
                let key = TaskKey { tenant: tenant.clone(), id: holder };
                let claimed = if self.is_rolled_back(&key).await? {
                    records.reclaim(tenant, &name, holder, id).await? == NameClaim::Claimed
                } else if let Some(link) = self.never_stored(&key, &name).await? {
                    records.reclaim_link(tenant, &name, link, id).await?
                } else {
                    false
                };
                if claimed { Ok(name) } else { Err(taken(&name, holder)) }
            }
        }
    }

    /// The link of a claim whose request broke off before its command was stored, long ago enough that it is at nothing
    /// any more; who sends it again claims the name anew first.
    async fn never_stored(&self, key: &TaskKey, name: &TaskName) -> Result<Option<u32>, HttpError> {
        let records = &self.context.records;
        // First: what is old and has no command by now gets none by that link.
        let claimed = records.name_claimed(&key.tenant, name).await?;
        let old = claimed.filter(|(_, at)| Timestamp::now().duration_since(*at) > UNBACKED_AFTER);
        let Some((link, _)) = old else { return Ok(None) };
        Ok(records.contents(key).await?.is_empty().then_some(link))
    }

    /// Whether the task's last command rolled it back, to its end.
    pub async fn is_rolled_back(&self, key: &TaskKey) -> Result<bool, HttpError> {
        let contents = self.context.records.contents(key).await?;
        let last = contents.iter().rev().find(|(_, c)| c.command).filter(|(_, c)| c.outcome);
        let Some((&n, _)) = last else { return Ok(false) };
        let outcome = self.context.records.outcome(key, n).await?;
        Ok(outcome.is_some_and(|o| o.ending == Ending::RolledBack))
    }
}

fn taken(name: &TaskName, holder: TaskId) -> HttpError {
    let detail = format!(
        "the name `{name}` is task {holder}'s; send a new revision with PUT /yaml/{holder}, or delete it first"
    );
    let problem = Problem::error("name_taken", detail.clone()).at("name");
    HttpError::conflict("name-taken", detail).with(vec![problem]).about(holder)
}
