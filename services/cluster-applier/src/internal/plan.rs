//! Dry runs: rendered by the same code as a real one, then planned by server-side dry run.

use axum::{
    Json,
    extract::{Request, State},
};
use bootstrap::{
    HttpError,
    http::{ProblemDetails, read_body},
};
use cluster::{Plan, Task};
use domain::{Options, Problem, Rendered, Revision, SourceFile, TaskId, TaskKey, TaskName, Tenant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Inner, PATIENCE, Shared, stopped};
use crate::{early::reading, history::History};

/// What is asked.
#[derive(Deserialize, ToSchema)]
#[schema(as = PlanQuestion)]
pub(super) struct Question {
    tenant: Tenant,
    /// The task, of a PUT.
    #[serde(default)]
    task: Option<TaskId>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<TaskName>,
    /// The files; none of a revert.
    #[serde(default)]
    files: Vec<SourceFile>,
    #[serde(default)]
    options: Options,
    /// Of a revert: the revision to go back to.
    #[serde(default)]
    revision: Option<Revision>,
}

/// What would happen.
#[derive(Serialize, ToSchema)]
#[schema(as = PlanAnswer)]
pub(super) struct Answer {
    #[serde(flatten)]
    plan: Plan,
    /// What would be applied, values of Secrets left out.
    rendered: Rendered,
}

/// What would happen, and what would be refused.
#[utoipa::path(
    post,
    path = "/internal/plan",
    tag = "internal",
    request_body(content = Question, description = "The files of a new revision, or the revision to go back to."),
    responses(
        (status = 200, description = "What would happen; what would be refused is a problem of it.", body = Answer),
        (status = 400, description = "The body is no question for a plan, or names no such cluster.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "Not the internal token.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such revision was rendered.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The cluster refuses, or it is not possible for such a task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many questions at once.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The cluster or the storage does not answer in time; try again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn plan(State(inner): Shared, request: Request) -> Result<Json<Answer>, HttpError> {
    let body = read_body(request).await?;
    // serde_json's words may repeat a value, which may be a Secret's: only the place is told.
    let question = serde_json::from_slice(&body).map_err(|e| {
        HttpError::bad_request(
            "invalid-json",
            format!("the body is not a question for a plan (line {}, column {})", e.line(), e.column()),
        )
    })?;
    inner.plan(question).await.map(Json)
}

impl Inner {
    async fn plan(&self, question: Question) -> Result<Answer, HttpError> {
        let key = TaskKey { tenant: question.tenant.name.clone(), id: question.task.unwrap_or_else(TaskId::new) };
        let history = History::read(&self.context.records, &key).await?;
        let (rendered, problems) = rendered(&question, &key, &history).await?;
        let Some(rendered) = rendered else {
            return Ok(Answer { plan: Plan { problems, ..Plan::default() }, rendered: Rendered::default() });
        };
        let engine = match question.revision {
            Some(_) => Some(self.clusters.last(history.highest() + 1, &history).await?),
            None => self.clusters.get(&question.options.target),
        };
        let engine = engine.ok_or_else(|| HttpError::parameter("target", "there is no such cluster"))?;
        let name = question.name.unwrap_or_else(|| TaskName::generated(key.id));
        let earlier = history.unpruned_below(history.highest() + 1).await?;
        let session = engine.session(Task { key, name }, rendered.run_as.as_deref(), reading(), PATIENCE);
        let mut plan = session.plan(&rendered, &earlier, &question.options).await.map_err(stopped)?;
        plan.problems.splice(0..0, problems);
        Ok(Answer { plan, rendered: redacted(rendered) })
    }
}

async fn rendered(
    question: &Question,
    key: &TaskKey,
    history: &History<'_>,
) -> Result<(Option<Rendered>, Vec<Problem>), HttpError> {
    if let Some(n) = question.revision {
        let found = history.rendered(n).await?;
        let found = found.ok_or_else(|| HttpError::not_found(format!("revision {n} was not rendered")))?;
        let problems = manifests::check_rendered(&found, &question.tenant);
        return Ok((Some(found).filter(|_| problems.is_empty()), problems));
    }
    let rendering = manifests::render(&question.files, &question.tenant, key.id, true);
    Ok((rendering.rendered, rendering.problems))
}

fn redacted(mut rendered: Rendered) -> Rendered {
    for object in &mut rendered.objects {
        object.manifest = manifests::redact(&object.manifest);
    }
    rendered
}
