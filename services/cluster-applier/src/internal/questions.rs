//! Why a task is where it is, and what its pods say.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bootstrap::{
    HttpError,
    http::{self, ProblemDetails, Silence},
};
use cluster::{LogOptions, Session, Stop, Task, Why};
use domain::{Rendered, TaskId, TaskKey, TenantName};
use futures::StreamExt as _;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Inner, PATIENCE, Shared, stopped};
use crate::{early::reading, history::History};

/// A task.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[schema(value_type = String)]
    tenant: TenantName,
    #[schema(value_type = String)]
    task: TaskId,
}

/// Lines of a task's pods.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    #[param(value_type = String)]
    tenant: TenantName,
    #[param(value_type = String)]
    task: TaskId,
    /// `Kind/name`, of an object or of one of its pods; every object that has pods, unless given.
    #[serde(default)]
    #[param(required = false)]
    object: String,
    /// The container; every one, unless given.
    #[serde(default)]
    #[param(required = false)]
    container: String,
    /// Whether to go on as lines come.
    #[serde(default)]
    #[param(required = false)]
    follow: bool,
    /// The last lines of each container.
    #[serde(default = "tail")]
    #[param(required = false, default = 1_000)]
    tail: u32,
}

/// Lines of each container that are shown unless another number is asked for.
fn tail() -> u32 {
    1_000
}

/// Why a task is where it is.
#[utoipa::path(
    post,
    path = "/internal/why",
    tag = "internal",
    request_body = Which,
    responses(
        (status = 200, description = "The objects that are not healthy, their pods and events.", body = Why),
        (status = 400, description = "The body names no task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "Not the internal token.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such task, or nothing of it was ever applied.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The cluster refuses, or it is not possible for such a task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many questions at once.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The cluster or the storage does not answer in time; try again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn why(State(inner): Shared, http::Json(which): http::Json<Which>) -> Result<Json<Why>, HttpError> {
    let (session, rendered) = inner.session(TaskKey { tenant: which.tenant, id: which.task }).await?;
    session.why(&rendered).await.map(Json).map_err(stopped)
}

/// The lines of a task's pods.
#[utoipa::path(
    get,
    path = "/internal/logs",
    tag = "internal",
    params(LogQuery),
    responses(
        (status = 200, description = "The lines, as they come; `pod/container: ` before each where there are several. Nothing is sent while the pods say nothing.", body = String, content_type = "text/plain"),
        (status = 400, description = "An unknown or invalid parameter.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "Not the internal token.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such task, nothing of it was ever applied, or it has no such object.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The cluster refuses, or there are no pods with such a container.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many questions at once.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The cluster or the storage does not answer in time; try again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn logs(
    State(inner): Shared,
    http::Query(query): http::Query<LogQuery>,
    silence: Silence,
) -> Result<Response, HttpError> {
    let (session, rendered) = inner.session(TaskKey { tenant: query.tenant, id: query.task }).await?;
    let LogQuery { object, container, follow, tail, .. } = query;
    let lines = session.logs(&rendered, &LogOptions { object, container, follow, tail }).await.map_err(without_logs)?;
    let lines =
        lines.take_until(inner.context.stopping.clone().cancelled_owned()).map(Ok::<_, std::convert::Infallible>);
    let body = Body::from_stream(lines);
    let body = if follow { silence.until_end_of(body) } else { body };
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// What is not there is not the cluster's refusal.
fn without_logs(stop: Stop) -> HttpError {
    let Stop::Failed(problems) = &stop else { return stopped(stop) };
    let error = match problems.first().map(|p| (p.code.as_str(), p.message.clone())) {
        Some(("no_such_object", message)) => HttpError::not_found(message),
        Some(("no_pods", message)) => HttpError::unprocessable("no-pods", message),
        _ => return stopped(stop),
    };
    error.with(problems.clone())
}

impl Inner {
    /// The newest revision that was rendered, and a session to look at it.
    async fn session(&self, key: TaskKey) -> Result<(Session, Rendered), HttpError> {
        let history = History::read(&self.context.records, &key).await?;
        let highest = history.highest();
        let missing = || HttpError::not_found("there is no such task, or nothing of it was ever applied");
        let holds = history.in_force_above(0).await?;
        let command = holds.ok_or_else(missing)?;
        let rendered = history.newest_rendered(highest).await?.ok_or_else(missing)?;
        let engine = self.clusters.of(&command, &history).await?.ok_or_else(missing)?;
        let task = Task { key: key.clone(), name: command.name };
        Ok((engine.session(task, rendered.run_as.as_deref(), reading(), PATIENCE), rendered))
    }
}
