//! A contest's standings as server-sent events, for the script.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use client::Lines;
use contests::Standings;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    BETWEEN, change,
    contest::{TOP, mark},
};
use crate::{Page, error::PageError, page, session::Caller};

#[derive(Debug, Deserialize)]
pub struct After {
    /// The mark of what the page shows.
    after: Option<String>,
}

/// A stream's place: the interface's own stream, and what was sent of it.
struct Place {
    lines: Lines,
    stopping: CancellationToken,
    known: Option<String>,
    earliest: Instant,
    /// The newest standings that were read and not sent.
    latest: Option<String>,
}

/// What changes, as soon as it does: an event `change` with the mark as its id, and in it what the page shows and what
/// is to be announced.
pub async fn events(
    State(page): State<Page>,
    caller: Caller,
    Path(name): Path<String>,
    Query(asked): Query<After>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let lines = caller.client.standings_stream(&name, &TOP).await?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let known = last.or(asked.after);
    let place = Place { lines, stopping: page.stopping, known, earliest: Instant::now(), latest: None };
    Ok(bootstrap::http::events(place, |mut place| async move {
        let (standings, mark) = place.reach_change().await?;
        Some((change(mark, &page::contest_live(&standings), &page::contest_said(&standings)), place))
    }))
}

impl Place {
    /// Waits until there is something to send; `None` ends the stream: the browser comes again.
    async fn reach_change(&mut self) -> Option<(Standings, String)> {
        loop {
            self.reach_latest().await?;
            let standings: Standings = serde_json::from_str(&self.latest.take()?).ok()?;
            let mark = mark(&standings);
            if self.known.as_ref() != Some(&mark) {
                self.known = Some(mark.clone());
                self.earliest = Instant::now() + BETWEEN;
                return Some((standings, mark));
            }
        }
    }

    /// Reads until there are standings and the time to send them has come; of several the newest.
    async fn reach_latest(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.earliest), if self.latest.is_some() => return Some(()),
                line = self.lines.next() => {
                    let line = line.ok()??;
                    if let Some(data) = line.strip_prefix("data:") {
                        self.latest = Some(data.to_owned());
                    }
                }
            }
        }
    }
}
