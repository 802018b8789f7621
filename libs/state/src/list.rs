//! Pages of tasks, newest first, over any index of ids: one loop for every store.

use std::sync::Arc;

use domain::{State, TaskId, TaskStatus};

use crate::{Error, Page};

/// Tasks that one call with a filter looks at: bounds what a rare state among many tasks costs.
const LOOKED_AT: usize = 2_000;
/// Tasks fetched at a time where a filter will drop some.
const BATCH: usize = 200;

/// Where ids and statuses come from.
pub(crate) trait Index {
    /// A tenant's ids, newest first, from `before` on (exclusive).
    async fn ids(&self, before: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, Error>;
    /// Their statuses, in that order; none of a task that was forgotten in between.
    async fn statuses(&self, ids: &[TaskId]) -> Result<Vec<Option<Arc<TaskStatus>>>, Error>;
}

pub(crate) async fn page(
    index: &impl Index,
    state: Option<State>,
    before: Option<TaskId>,
    limit: usize,
) -> Result<Page, Error> {
    let (mut tasks, mut next, mut looked_at) = (Vec::new(), before, 0);
    let batch = if state.is_some() { BATCH.max(limit) } else { limit };
    while looked_at < LOOKED_AT.max(limit) {
        // One more than needed tells whether there is another page.
        let ids = index.ids(next, batch + 1).await?;
        let taken = &ids[..ids.len().min(batch)];
        for (id, status) in taken.iter().zip(index.statuses(taken).await?) {
            if tasks.len() == limit {
                return Ok(Page { tasks, next });
            }
            next = Some(*id);
            tasks.extend(status.filter(|s| state.is_none_or(|wanted| s.state == wanted)));
        }
        if ids.len() <= batch {
            return Ok(Page { tasks, next: None });
        }
        if tasks.len() == limit {
            break;
        }
        looked_at += taken.len();
    }
    Ok(Page { tasks, next })
}
