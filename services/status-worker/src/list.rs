//! `GET /status`: a tenant's tasks, newest first.

use std::sync::Arc;

use axum::{Json, extract::State};
use bootstrap::{
    Caller, HttpError,
    http::{
        Query,
        answers::{Denied, Invalid},
    },
};
use domain::{TaskId, TaskStatus, access::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Worker, parameters::Window};

/// One page of tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskPage {
    /// The tasks; fewer than asked for, even none, where few are in the state.
    #[schema(value_type = Vec<TaskStatus>)]
    tasks: Vec<Arc<TaskStatus>>,
    /// The next page's `cursor`; `null`: this is the last one.
    #[schema(value_type = Option<String>)]
    next: Option<TaskId>,
}

/// List tasks
#[utoipa::path(
    get, path = "/status", tag = "status", operation_id = "list",
    params(Window),
    responses(
        (status = 200, description = "One page of tasks, newest first.", body = TaskPage),
        Invalid,
        Denied,
    ),
)]
pub async fn list(
    State(worker): State<Worker>,
    caller: Caller,
    Query(window): Query<Window>,
) -> Result<Json<TaskPage>, HttpError> {
    caller.may(Scope::Read)?;
    let (tenant, limit) = (&caller.tenant.name, window.limit()?);
    let page = worker.context.states.list(tenant, window.state, window.cursor, limit).await?;
    Ok(Json(TaskPage { tasks: page.tasks, next: page.next }))
}
