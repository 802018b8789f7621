//! `GET /status/{id}`: one task, now, at its next change, or as a stream.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bootstrap::{
    Caller, HttpError,
    http::{
        Path, ProblemDetails, Query, accepts,
        answers::{Denied, Invalid},
        knows_tag,
    },
    no_task,
};
use domain::{TaskKey, TaskStatus, access::Scope};
use state::Rendered;
use tokio::time::Instant;

use crate::{
    Worker, events,
    parameters::{Poll, last_event},
};

/// A task's status
///
/// With `wait` the answer comes at the next change. With `Accept: text/event-stream` every change comes as an event
/// `status`, whose id is the version. Right after a 202 the status is PENDING, version 0.
#[utoipa::path(
    get, path = "/status/{id}", tag = "status", operation_id = "status",
    params(
        ("id" = String, Path, description = "The task's id, name or the end of its id."),
        Poll,
        ("If-None-Match" = Option<String>, Header, description = "An `ETag`: 304 where the status is still the same.", nullable = false),
        ("Last-Event-ID" = Option<String>, Header, description = "Of a stream that was cut off: its last event's id.", nullable = false),
    ),
    responses(
        (status = 200, description = "The status.", content((TaskStatus = "application/json"), (String = "text/event-stream")), headers(("ETag" = String, description = "Changes with the status."))),
        (status = 304, description = "The same as the client has."),
        Invalid,
        Denied,
        (status = 404, description = "The tenant has no such task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Several tasks' ids end so.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn get(
    State(worker): State<Worker>,
    caller: Caller,
    Path(id): Path<String>,
    Query(poll): Query<Poll>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    caller.may(Scope::Read)?;
    let (wait, after) = (poll.wait()?, poll.after()?);
    let key = worker.context.resolve(&caller.tenant.name, &id).await?;
    let streams = accepts(&headers, "text/event-stream");
    if wait.is_none() && !streams {
        let status = worker.rendered(&key).await?.ok_or_else(|| no_task(&id))?;
        return Ok(answer(&headers, status));
    }
    let mut status = worker.status(&key).await?.ok_or_else(|| no_task(&id))?;
    if streams {
        let known = after.or_else(|| last_event(&headers));
        return Ok(events::stream(worker, key, status, known));
    }
    if let Some(wait) = wait {
        let known = after.unwrap_or(status.version);
        status = worker.after(&key, status, known, wait).await?;
    }
    Ok(answer(&headers, Rendered::of(&status)))
}

fn answer(asked: &HeaderMap, status: Rendered) -> Response {
    let tag = tag(&status);
    let (answer, body) = if knows_tag(asked, tag.to_str().unwrap_or_default()) {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        (StatusCode::OK, Body::from(status.json))
    };
    let mut response = (answer, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    if answer == StatusCode::OK {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

/// A version may be counted anew after a loss: the time of the last fact tells them apart.
fn tag(status: &Rendered) -> HeaderValue {
    let tag = format!("\"{}-{:x}\"", status.version, status.updated.as_millisecond());
    HeaderValue::try_from(tag).expect("digits and quotes")
}

impl Worker {
    /// The status once its version is not `known` any more, at the latest after `wait` or when the process stops.
    async fn after(
        &self,
        key: &TaskKey,
        mut status: Arc<TaskStatus>,
        known: u64,
        wait: Duration,
    ) -> Result<Arc<TaskStatus>, HttpError> {
        let deadline = Instant::now() + wait;
        while status.version == known {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let changed = tokio::select! {
                () = self.context.stopping.cancelled() => break,
                changed = self.context.states.changed(key, known, left) => changed?,
            };
            match changed {
                Some(changed) => status = changed,
                // Not folded yet, and nothing came in time.
                None => break,
            }
        }
        Ok(status)
    }
}
