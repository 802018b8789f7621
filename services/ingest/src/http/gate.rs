//! Opening and closing a contest.

use std::time::Duration;

use axum::{Json as Answer, extract::State as Extract};
use bootstrap::{
    Caller, HttpError,
    http::{
        Json, Nothing, Path, ProblemDetails, Query,
        answers::{Absent, Denied, Invalid},
    },
};
use contests::{
    Gate,
    gate::{State, Step},
};
use domain::access::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Ingest;

/// After how long every process knows of a change: each asks for it once a second.
const FOLLOWED: Duration = Duration::from_millis(1_200);

/// A command to a contest's gate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateCommand {
    /// Whether ballots are taken from then on.
    open: bool,
    /// From when on; at once where it is left out or past.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// A contest's gate.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateView {
    /// The contest.
    contest: String,
    /// Whether it takes ballots now.
    state: State,
    /// What is in force and to come.
    #[serde(flatten)]
    gate: Gate,
}

/// Open or close a contest
///
/// By the clock of the processes that take ballots. It holds at once where it was sent to, and is answered after a good
/// second, when the other processes follow too: whatever is asked next knows of it.
#[utoipa::path(
    put, path = "/contests/{contest}/gate", tag = "contests", operation_id = "put_gate",
    params(("contest" = String, Path, description = "The contest's name.")),
    request_body = GateCommand,
    responses(
        (status = 200, description = "The gate as it is now.", body = GateView),
        Invalid,
        Denied,
        Absent,
        (status = 409, description = "Too many changes are to come.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn put(
    Extract(ingest): Extract<Ingest>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    Json(command): Json<GateCommand>,
) -> Result<Answer<GateView>, HttpError> {
    caller.may(Scope::Admin)?;
    let contest = ingest.0.catalogue.get(&name);
    let contest = contest.ok_or_else(|| ingest.unknown(&name))?;
    let now = Timestamp::now();
    // Not in the past: what was taken by then was taken, and standings are final only a while after the close.
    let step = Step { open: command.open, at: command.at.unwrap_or(now).max(now) };
    let changed = ingest.0.context.records.change_gate(&name, |gate| gate.command(step, now)).await?;
    let (number, gate) = changed.map_err(|e| HttpError::conflict("too-many-changes", e.to_string()))?;
    contest.set_gate(number, &gate);
    tracing::info!(contest = name, open = step.open, at = %step.at, actor = caller.actor, "a contest's gate was set");
    // Who is answered may ask any process next.
    tokio::time::sleep(FOLLOWED).await;
    Ok(Answer(GateView { contest: name, state: contest.state(), gate }))
}
