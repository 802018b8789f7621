//! `DELETE /yaml/{id}`: roll a task back.

use axum::{extract::State, http::HeaderMap};
use bootstrap::{
    Caller, HttpError,
    http::{Nothing, Path, ProblemDetails, Query},
};
use domain::{Action, Command, Options, TaskKey, access::Scope};

use crate::{Entry, answer::Accepted, command::Origin, replace::Next};

/// Roll a task back
///
/// Removes every object that the task made, in every state; a task that waits is cancelled. Again on one that is
/// blocked: tries again.
#[utoipa::path(
    delete, path = "/yaml/{id}", tag = "tasks", operation_id = "delete",
    params(
        ("id" = String, Path, description = "The task's id, name or the end of its id."),
        ("If-Match" = Option<String>, Header, description = "The revision that must be the highest one.", pattern = "^([0-9]{1,6}|\"[0-9]{1,6}\"|\\*)$", nullable = false),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again is the same request, for 24 h.", min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false),
    ),
    responses(
        (status = 202, description = "Stored, and confirmed by a quorum: it will be rolled back.", body = Accepted, headers(("Location" = String, description = "The task's status."))),
        (status = 400, description = "A parameter is not valid.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No token, or not a valid one.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "The token lacks the scope.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "The tenant has no such task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Others change the task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 412, description = "Another revision is the highest one.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The key was sent with another request.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Try again; with `outcome-unknown` and an id, send the same key again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    headers: HeaderMap,
) -> Result<Accepted, HttpError> {
    caller.may(Scope::Write)?;
    let key = entry.context.resolve(&caller.tenant.name, &id).await?;
    let next = Next::new(Action::RollBack, Options::default(), &headers)?;
    entry.follow(&Origin::new(caller, &headers), &key, next).await
}

impl Entry {
    /// A DELETE after a DELETE: what is rolled back stays so, what is not is asked for again.
    pub async fn remove_again(&self, key: &TaskKey, last: &Command) -> Result<Accepted, HttpError> {
        if self.is_rolled_back(key).await? {
            return Ok(Accepted::of(last, domain::State::RolledBack));
        }
        self.publish(last).await
    }
}
