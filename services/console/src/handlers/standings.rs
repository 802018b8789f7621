//! A contest's standings as server-sent events, for the script.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use client::Lines;
use contests::Standings;
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::contest::{TOP, mark};
use crate::{Page, error::PageError, page, session::Caller};

/// Between two events: at most about three a second, however fast ballots come.
const PAUSE: Duration = Duration::from_millis(300);
/// A line that says nothing, so that nobody takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a browser that was cut off comes again.
const RETRY: Duration = Duration::from_secs(1);

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
    let events = Sse::new(changes(place)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies must not hold events back.
    Ok(([("x-accel-buffering", "no")], events).into_response())
}

fn changes(place: Place) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(place, |mut place| async move {
        let (standings, mark) = place.reach_change().await?;
        Some((Ok(event(&standings, &mark)), place))
    })
}

fn event(standings: &Standings, mark: &str) -> Event {
    let html = page::contest_live(standings).into_string();
    let change = json!({ "html": html, "said": page::contest_said(standings) });
    Event::default().event("change").id(mark).retry(RETRY).data(change.to_string())
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
                self.earliest = Instant::now() + PAUSE;
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
