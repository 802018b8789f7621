//! One task's changes as server-sent events, for the script.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use client::Client;
use domain::TaskStatus;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    BETWEEN, change,
    task::{After, POLL, said},
};
use crate::{Page, error::PageError, page, session::Caller};

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
    Ok(bootstrap::http::events(place, |mut place| async move {
        place.reach_change().await?;
        let status = &place.status;
        let event = change(status.version, &page::task_live(status, Timestamp::now()), &said(status));
        Some((event, place))
    }))
}

impl Place {
    /// Waits until there is something to send; `None` ends the stream: the browser comes again.
    async fn reach_change(&mut self) -> Option<()> {
        while self.known == Some(self.status.version) {
            let known = self.status.version;
            let (client, id) = (&self.client, self.status.id.to_string());
            let asked = async { tokio::join!(client.status_after(&id, known, POLL), tokio::time::sleep(BETWEEN)).0 };
            self.status = tokio::select! {
                () = self.stopping.cancelled() => return None,
                answer = asked => answer.ok()?,
            };
        }
        self.known = Some(self.status.version);
        Some(())
    }
}
