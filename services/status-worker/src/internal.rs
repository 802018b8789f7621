//! `GET /status/{id}/why` and `…/logs`: asked of cluster-applier.

use axum::{body::Body, extract::State, response::Response};
use bootstrap::{
    Caller, HttpError,
    http::{
        Nothing, Path, ProblemDetails, Query, Silence,
        answers::{Denied, Invalid},
    },
    no_task,
};
use domain::{TaskKey, access::Scope};
use futures::StreamExt as _;
use serde::Serialize;

use crate::{Worker, parameters::Lines};

/// What cluster-applier is asked: `POST /internal/why`.
#[derive(Debug, Serialize)]
struct Question<'a> {
    tenant: &'a domain::TenantName,
    task: domain::TaskId,
}

/// Why a task is not healthy
///
/// Its objects that are not healthy, their pods, and the newest events about them.
#[utoipa::path(
    get, path = "/status/{id}/why", tag = "status", operation_id = "why",
    params(("id" = String, Path, description = "The task's id, name or the end of its id.")),
    responses(
        (status = 200, description = "One sentence, and the objects that are not healthy.", body = serde_json::Value),
        Invalid,
        Denied,
        (status = 404, description = "The tenant has no such task, or nothing of it was applied.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Several tasks' ids end so.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many are asking at a time.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn why(
    State(worker): State<Worker>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, HttpError> {
    caller.may(Scope::Read)?;
    let key = worker.existing(&caller, &id).await?;
    worker.internal.post("/internal/why", &Question { tenant: &key.tenant, task: key.id }).await
}

/// Logs of a task's pods
///
/// Lines as the containers wrote them; with `pod/container: ` before each where there are several. With `follow` they
/// go on as they come, and nothing is sent while the pods say nothing: a proxy in between must not take that for the
/// end. At most 20 containers are read side by side; where there are more, the last line says so, with `follow` the
/// first.
#[utoipa::path(
    get, path = "/status/{id}/logs", tag = "status", operation_id = "logs",
    params(("id" = String, Path, description = "The task's id, name or the end of its id."), Lines),
    responses(
        (status = 200, description = "The lines.", body = String, content_type = "text/plain"),
        Invalid,
        Denied,
        (status = 404, description = "The tenant has no such task, or it no such object.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Several tasks' ids end so.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "There are no pods with such a container.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many are asking at a time.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn logs(
    State(worker): State<Worker>,
    caller: Caller,
    Path(id): Path<String>,
    Query(lines): Query<Lines>,
    silence: Silence,
) -> Result<Response, HttpError> {
    caller.may(Scope::Read)?;
    let mut pairs = lines.pairs()?;
    let key = worker.existing(&caller, &id).await?;
    pairs.extend([("tenant", key.tenant.to_string()), ("task", key.id.to_string())]);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = worker.internal.get("/internal/logs", &pairs).await?;
    if !lines.follow {
        return Ok(answer);
    }
    let stopping = worker.context.stopping.clone().cancelled_owned();
    let until_stop = |body: Body| Body::from_stream(body.into_data_stream().take_until(stopping));
    Ok(answer.map(|body| silence.until_end_of(until_stop(body))))
}

impl Worker {
    async fn existing(&self, caller: &Caller, id: &str) -> Result<TaskKey, HttpError> {
        let key = self.context.resolve(&caller.tenant.name, id).await?;
        self.status(&key).await?.map(|_| key).ok_or_else(|| no_task(id))
    }
}
