//! One task's changes as server-sent events, for the script.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use client::Client;
use domain::TaskStatus;
use futures::{Stream, stream};
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::task::{After, POLL, said};
use crate::{Page, error::PageError, page, session::Caller};

/// Between two events: at most about three a second, however fast a task changes.
const PAUSE: Duration = Duration::from_millis(300);
/// A line that says nothing, so that nobody takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a browser that was cut off comes again.
const RETRY: Duration = Duration::from_secs(1);

/// A stream's place: whose changes, and which were sent.
struct Place {
    client: Client,
    stopping: CancellationToken,
    status: TaskStatus,
    /// The version that the browser has; `None`: none yet.
    known: Option<u64>,
}

/// What changes, as soon as it does: an event `change` with the version as its id, and in it what the page shows
/// and what is to be announced.
pub async fn events(
    State(page): State<Page>,
    caller: Caller,
    Path(id): Path<String>,
    Query(asked): Query<After>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let status = caller.client.status(&id).await?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()?.parse().ok());
    let place = Place { client: caller.client, stopping: page.stopping, status, known: last.or(asked.after) };
    let events = Sse::new(changes(place)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies must not hold events back.
    Ok(([("x-accel-buffering", "no")], events).into_response())
}

fn changes(place: Place) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(place, |mut place| async move {
        place.reach_change().await?;
        Some((Ok(event(&place.status)), place))
    })
}

fn event(status: &TaskStatus) -> Event {
    let html = page::task_live(status, Timestamp::now()).into_string();
    let change = json!({ "html": html, "said": said(status) });
    Event::default().event("change").id(status.version.to_string()).retry(RETRY).data(change.to_string())
}

impl Place {
    /// Waits until there is something to send; `None` ends the stream: the browser comes again.
    async fn reach_change(&mut self) -> Option<()> {
        while self.known == Some(self.status.version) {
            let known = self.status.version;
            let (client, id) = (&self.client, self.status.id.to_string());
            let asked = async { tokio::join!(client.status_after(&id, known, POLL), tokio::time::sleep(PAUSE)).0 };
            self.status = tokio::select! {
                () = self.stopping.cancelled() => return None,
                answer = asked => answer.ok()?,
            };
        }
        self.known = Some(self.status.version);
        Some(())
    }
}
