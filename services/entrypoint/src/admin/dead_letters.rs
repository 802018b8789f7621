//! `/dead-letters`: messages that were given up.

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, prelude::BASE64_STANDARD};
use bootstrap::{
    Caller, HttpError,
    http::{
        Nothing, Path, Query,
        answers::{Absent, Denied, Invalid},
    },
};
use contests::Batch;
use domain::access::Scope;
use jiff::Timestamp;
use messaging::DeadLetter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Entry;

/// Dead letters in one answer, unless told.
const LIMIT: u16 = 100;
/// Dead letters in one answer at most.
const MOST: u16 = 1_000;

/// What `GET /dead-letters` takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Window {
    /// How many; 100 otherwise.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// A message that was given up. It carries ids, not content.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// The message's id.
    id: String,
    /// Its type.
    kind: String,
    /// The queue that it came from.
    queue: String,
    /// Why it was given up.
    reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// Its body, as text. A batch of ballots is shown as JSON, with the first hundred of them; what else is binary in
    /// base64.
    body: String,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { id, kind, queue, reason, time, body } = letter;
        let body = batch(&kind, &body).unwrap_or(body);
        Self { id, kind, queue, reason, time, body }
    }
}

/// A batch of ballots as one may read it; `None`: it is none, or broken.
fn batch(kind: &str, body: &str) -> Option<String> {
    if kind != contests::batch::TYPE {
        return None;
    }
    let body = BASE64_STANDARD.decode(body).ok()?;
    Some(Batch::decode(&body).ok()?.readable())
}

/// List dead letters
#[utoipa::path(
    get, path = "/dead-letters", tag = "administration", operation_id = "list_dead_letters",
    params(Window),
    responses(
        (status = 200, description = "Dead letters, oldest first.", body = Vec<DeadLetterView>),
        Denied,
        Invalid,
    ),
)]
pub async fn list(
    State(entry): State<Entry>,
    caller: Caller,
    Query(window): Query<Window>,
) -> Result<Json<Vec<DeadLetterView>>, HttpError> {
    caller.may(Scope::Admin)?;
    let limit = window.limit.unwrap_or(LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(HttpError::parameter("limit", "expected 1 to 1000"));
    }
    let letters = entry.context.bus.dead_letters(limit.into()).await?;
    Ok(Json(letters.into_iter().map(DeadLetterView::from).collect()))
}

/// Drop a dead letter
#[utoipa::path(
    delete, path = "/dead-letters/{id}", tag = "administration", operation_id = "drop_dead_letter",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 204, description = "Gone for good."),
        Denied,
        Invalid,
        Absent,
    ),
)]
pub async fn delete(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, HttpError> {
    caller.may(Scope::Admin)?;
    let dropped = entry.context.bus.drop_dead_letter(&id).await?;
    done(dropped, &id, &caller, "a dead letter was dropped")
}

/// Put a dead letter back
///
/// Into the queue that it came from, where it is handled as if it were new.
#[utoipa::path(
    post, path = "/dead-letters/{id}/requeue", tag = "administration", operation_id = "requeue_dead_letter",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 204, description = "Back in its queue."),
        Denied,
        Invalid,
        Absent,
    ),
)]
pub async fn requeue(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, HttpError> {
    caller.may(Scope::Admin)?;
    let requeued = entry.context.bus.requeue_dead_letter(&id).await?;
    done(requeued, &id, &caller, "a dead letter was put back")
}

fn done(found: bool, id: &str, caller: &Caller, what: &str) -> Result<StatusCode, HttpError> {
    if !found {
        return Err(HttpError::not_found("there is no such dead letter; GET /dead-letters lists them"));
    }
    tracing::info!(message.id = id, actor = caller.actor, "{what}");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
