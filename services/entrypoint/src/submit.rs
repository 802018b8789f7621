//! `POST /yaml`.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bootstrap::{
    Caller, HttpError,
    http::{ProblemDetails, Query},
};
use domain::{Action, Command, Options, Revision, SourceFile, TaskId, TaskName, access::Scope};

use crate::{
    Entry,
    answer::Accepted,
    command::Origin,
    idempotency::digest,
    intake::Intake,
    parameters::{Submit, idempotency_key},
    plan::{Asked, Plan},
};

/// The number of a task's first command.
const FIRST: Revision = 1;

/// Submit a task
///
/// Stores the manifests as a new task and answers as soon as that is safe. Validation against Kubernetes' schemas
/// and the tenant's policy follows, and shows in the status.
#[utoipa::path(
    post, path = "/yaml", tag = "tasks", operation_id = "submit",
    params(
        Submit,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body again are the same request, for 24 h.", min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false),
    ),
    request_body(
        description = "One file, or several as parts with file names.",
        content((serde_json::Value = "application/yaml"), (crate::plan::Files = "multipart/form-data")),
    ),
    responses(
        (status = 200, description = "Of a dry run: what would happen.", body = Plan),
        (status = 202, description = "Stored, and confirmed by a quorum: it will be run.", body = Accepted, headers(("Location" = String, description = "The task's status."))),
        (status = 400, description = "A parameter, the encoding or the framing is not valid.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No token, or not a valid one.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "The token lacks the scope, or the tenant has its tasks.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "The name is another task's.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Neither YAML nor multipart.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Not YAML as Kubernetes reads it, beyond a limit, or a key with another body.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many dry runs at a time.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Try again; with `outcome-unknown` and an id, send the same key again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn post(
    State(entry): State<Entry>,
    caller: Caller,
    Query(query): Query<Submit>,
    request: Request,
) -> Result<Response, HttpError> {
    caller.may(Scope::Write)?;
    let options = query.options(&entry.targets)?;
    let key = idempotency_key(request.headers())?.map(str::to_owned);
    let origin = Origin::new(caller, request.headers());
    let Intake { files } = Intake::read(request).await?;
    if query.dry_run {
        let asked = Asked { task: None, name: query.name, files, options, revision: None };
        return entry.plan(&origin.caller, asked).await;
    }
    Ok(entry.submit(&origin, query.name, key, files, options).await?.into_response())
}

impl Entry {
    async fn submit(
        &self,
        origin: &Origin,
        name: Option<TaskName>,
        key: Option<String>,
        files: Vec<SourceFile>,
        options: Options,
    ) -> Result<Accepted, HttpError> {
        let tenant = &origin.caller.tenant;
        let mut id = TaskId::new();
        if let Some(key) = key {
            let what = format!("submit {}", name.as_ref().map_or("", TaskName::as_str));
            let first = self.once(&tenant.name, &key, &digest(&what, &options, &files), id, FIRST).await?;
            id = first.0;
            if first.2
                && let Some(stored) = self.stored(origin, id).await?
            {
                return self.publish(&stored).await;
            }
        }
        self.within_quota(tenant).await?;
        let name = self.name(&tenant.name, name, id).await?;
        let command = origin.command(id, name, FIRST, Action::Apply { sources: files }, options);
        if self.context.records.create_command(&command).await? {
            return self.publish(&command).await;
        }
        // The same key at the same time: the other one stored it.
        match self.stored(origin, id).await? {
            Some(stored) => self.publish(&stored).await,
            None => Err(HttpError::unavailable("the record was refused and is not there; try again")),
        }
    }

    async fn stored(&self, origin: &Origin, task: TaskId) -> Result<Option<Command>, HttpError> {
        let key = domain::TaskKey { tenant: origin.caller.tenant.name.clone(), id: task };
        Ok(self.context.records.command(&key, FIRST).await?)
    }
}
