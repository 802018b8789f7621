//! How many tasks a tenant may have.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use bootstrap::HttpError;
use domain::{TaskId, TaskKey, Tenant, TenantName};
use parking_lot::Mutex;

use crate::Entry;

/// Tasks that are known to be rolled back, which they stay: so that each is looked at once.
#[derive(Default)]
pub struct Quota {
    gone: Mutex<HashMap<TenantName, HashSet<TaskId>>>,
}

impl Entry {
    /// Answers 403 where the tenant has as many tasks as it may have. Two requests at the same instant may both pass.
    pub async fn within_quota(&self, tenant: &Tenant) -> Result<(), HttpError> {
        let most = tenant.max_tasks as usize;
        if most == 0 {
            return Ok(());
        }
        let all = self.context.records.tasks(&tenant.name, None, usize::MAX).await?;
        let known = self.quota.gone.lock().get(&tenant.name).cloned().unwrap_or_default();
        let mut alive = 0;
        for id in all.into_iter().rev().filter(|id| !known.contains(id)) {
            if self.is_rolled_back(&TaskKey { tenant: tenant.name.clone(), id }).await? {
                self.quota.gone.lock().entry(tenant.name.clone()).or_default().insert(id);
            } else {
                alive += 1;
            }
            if alive >= most {
                return Err(exceeded(most));
            }
        }
        Ok(())
    }
}

fn exceeded(most: usize) -> HttpError {
    let detail = format!("the tenant has its {most} tasks; delete one that is not needed, or ask for more");
    HttpError::new(StatusCode::FORBIDDEN, "quota-exceeded", detail)
}
