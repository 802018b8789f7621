//! Which task a person means: by id, by name, or by the end of its id.

use domain::{State, TaskId, TaskKey, TaskName, TenantName};
use jiff::{SignedDuration, Timestamp};
use uuid::{NoContext, Uuid};

use crate::{Context, HttpError};

/// Tasks younger than this may not be folded yet; they are looked for among the records.
const FRESH: SignedDuration = SignedDuration::from_mins(2);
/// Fresh tasks that are looked at.
const FRESH_TASKS: usize = 1_000;

impl Context {
    /// The task that `text` names among the tenant's. 404 where there is none, 409 where it names several.
    /// An id is not looked up.
    pub async fn resolve(&self, tenant: &TenantName, text: &str) -> Result<TaskKey, HttpError> {
        let key = |id| TaskKey { tenant: tenant.clone(), id };
        if let Ok(id) = text.parse() {
            return Ok(key(id));
        }
        let named = match text.parse::<TaskName>() {
            Ok(name) => self.named(tenant, &name).await?,
            Err(_) => None,
        };
        let found = match (named, suffix(text)) {
            (Some(id), _) => Some(id),
            (None, Some(suffix)) => self.ending_with(tenant, &suffix).await?,
            (None, None) => None,
        };
        found.map(key).ok_or_else(|| no_task(text))
    }

    async fn named(&self, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, HttpError> {
        let folded = self.states.by_name(tenant, name).await?;
        if let Some(id) = folded {
            let status = self.states.get(&TaskKey { tenant: tenant.clone(), id }).await?;
            if status.is_some_and(|s| s.state != State::RolledBack) {
                return Ok(Some(id));
            }
        }
        // A rolled back task's name may have been given to a newer one, which is not folded yet.
        Ok(self.records.name_holder(tenant, name).await?.or(folded))
    }

    async fn ending_with(&self, tenant: &TenantName, suffix: &str) -> Result<Option<TaskId>, HttpError> {
        let mut found = self.states.by_suffix(tenant, suffix).await?;
        if found.is_empty() {
            let fresh = self.records.tasks(tenant, since(FRESH), FRESH_TASKS).await?;
            found = fresh.into_iter().filter(|id| digits(*id).ends_with(suffix)).collect();
        }
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(*id)),
            _ => Err(HttpError::conflict(
                "ambiguous",
                format!("several tasks' ids end with `{suffix}`; give more digits"),
            )),
        }
    }
}

/// The 404 of a task.
pub fn no_task(text: &str) -> HttpError {
    let shown: String = text.chars().take(64).collect();
    HttpError::not_found(format!("there is no task `{shown}`; GET /status lists yours"))
}

/// The digits that `text` gives of an id's end: of a generated name those after `task-`.
fn suffix(text: &str) -> Option<String> {
    let digits = text.strip_prefix("task-").unwrap_or(text).replace('-', "");
    let valid = (4..=32).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    valid.then_some(digits)
}

fn digits(id: TaskId) -> String {
    id.uuid().as_simple().to_string()
}

/// An id below every one made since then: ids of version 7 sort by time.
pub fn since(age: SignedDuration) -> Option<TaskId> {
    let then = Timestamp::now().checked_sub(age).ok()?;
    let seconds = u64::try_from(then.as_second()).ok()?;
    Some(TaskId::from(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0))))
}
