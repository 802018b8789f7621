//! A task's status as server-sent events.

use std::{sync::Arc, time::Duration};

use axum::response::{Response, sse::Event};
use bootstrap::http::events;
use domain::{TaskKey, TaskStatus};

use crate::Worker;

/// How long one wait for a change takes at most.
const WAIT: Duration = Duration::from_secs(30);

/// The stream's place: what is to be sent, and what was.
struct Place {
    worker: Worker,
    key: TaskKey,
    next: Option<Arc<TaskStatus>>,
    sent: u64,
}

/// Every change from `known` on, beginning with `status` unless that is known.
pub fn stream(worker: Worker, key: TaskKey, status: Arc<TaskStatus>, known: Option<u64>) -> Response {
    let sent = status.version;
    let next = Some(status).filter(|s| known != Some(s.version));
    let place = Place { worker, key, next, sent };
    events(place, |mut place| async move {
        let status = place.next().await?;
        let event = Event::default().event("status").id(status.version.to_string());
        Some((event.json_data(&*status).expect("a status has string keys only"), place))
    })
}

impl Place {
    /// The next status that was not sent yet; `None` ends the stream: the client comes again.
    async fn next(&mut self) -> Option<Arc<TaskStatus>> {
        if let Some(first) = self.next.take() {
            return Some(first);
        }
        let context = self.worker.context.clone();
        loop {
            let changed = tokio::select! {
                () = context.stopping.cancelled() => return None,
                changed = context.states.changed(&self.key, self.sent, WAIT) => changed.ok()?,
            };
            match changed {
                Some(status) if status.version != self.sent => {
                    self.sent = status.version;
                    return Some(status);
                }
                // It stands still: it may have to be folded again.
                _ => {
                    self.worker.status(&self.key).await.ok()??;
                }
            }
        }
    }
}
