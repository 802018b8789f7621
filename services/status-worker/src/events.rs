//! A task's status as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use domain::{TaskKey, TaskStatus};
use futures::{Stream, stream};

use crate::Worker;

/// How long one wait for a change takes at most.
const WAIT: Duration = Duration::from_secs(30);
/// A line that says nothing, so that nobody takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Milliseconds after which a client that was cut off comes again.
const RETRY: Duration = Duration::from_secs(1);

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
    let events: Sse<_> = Sse::new(events(place)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies must not hold events back.
    ([("x-accel-buffering", "no")], events).into_response()
}

fn events(place: Place) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(place, |mut place| async move {
        let status = place.next().await?;
        let event = Event::default().event("status").id(status.version.to_string()).retry(RETRY);
        let event = event.json_data(&*status).expect("a status has string keys only");
        Some((Ok(event), place))
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
