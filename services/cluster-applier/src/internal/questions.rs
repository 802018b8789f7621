//! Why a task is where it is, and what its pods say.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bootstrap::{HttpError, http};
use cluster::{LogOptions, Session, Task, Why};
use domain::{Rendered, TaskId, TaskKey, TenantName};
use futures::StreamExt as _;
use serde::Deserialize;
use utoipa::ToSchema;

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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    tenant: TenantName,
    task: TaskId,
    /// `Kind/name`.
    #[serde(default)]
    object: String,
    #[serde(default)]
    container: String,
    #[serde(default)]
    follow: bool,
    #[serde(default = "tail")]
    tail: u32,
}

/// Lines of each container that are shown unless another number is asked for.
fn tail() -> u32 {
    1_000
}

/// Why a task is where it is.
#[utoipa::path(post, path = "/internal/why", tag = "internal", responses((status = 200, description = "The explanation")))]
pub(super) async fn why(State(inner): Shared, http::Json(which): http::Json<Which>) -> Result<Json<Why>, HttpError> {
    let (session, rendered) = inner.session(TaskKey { tenant: which.tenant, id: which.task }).await?;
    session.why(&rendered).await.map(Json).map_err(stopped)
}

/// The lines of a task's pods.
#[utoipa::path(get, path = "/internal/logs", tag = "internal", responses((status = 200, description = "The lines", content_type = "text/plain")))]
pub(super) async fn logs(
    State(inner): Shared,
    http::Query(query): http::Query<LogQuery>,
) -> Result<Response, HttpError> {
    let (session, rendered) = inner.session(TaskKey { tenant: query.tenant, id: query.task }).await?;
    let LogQuery { object, container, follow, tail, .. } = query;
    let lines = session.logs(&rendered, &LogOptions { object, container, follow, tail }).await.map_err(stopped)?;
    let lines = lines.map(Ok::<_, std::convert::Infallible>);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(lines)).into_response())
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
