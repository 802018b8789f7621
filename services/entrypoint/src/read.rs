//! `GET /yaml/{id}`: what was sent, what is applied, what validation said.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bootstrap::{
    Caller, HttpError,
    http::{
        Path, ProblemDetails, Query,
        answers::{Denied, Invalid},
    },
    no_task,
};
use domain::{
    Action, Command, Problem, Revision, SourceFile, TaskId, TaskKey, TaskName, access::Scope, fact::CommandKind,
    record::RenderedObject,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Entry,
    parameters::{Form, Read},
};

/// Reverts of reverts that are followed to the files that were sent.
const REVERTS: usize = 100;

/// One revision in one form. Values of Secrets are redacted.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    /// The task's id.
    pub id: TaskId,
    /// Its name.
    pub name: TaskName,
    /// The revision's number.
    pub revision: Revision,
    /// What was asked for.
    pub command: CommandKind,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// By whom: a token's id, or `local`.
    pub actor: String,
    /// The content in the form that was asked for.
    #[serde(flatten)]
    pub content: Content,
}

/// A revision's content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// `form=source`.
    Source {
        /// The files as sent; without comments where a file holds a Secret.
        files: Vec<SourceFile>,
    },
    /// `form=rendered`.
    Rendered {
        /// The objects as they are applied.
        #[schema(value_type = Vec<Object>)]
        objects: Vec<RenderedObject>,
        /// What was added, a line each for a person.
        added: Vec<String>,
    },
    /// `form=report`.
    Report {
        /// Errors and warnings.
        problems: Vec<Problem>,
        /// Whether the revision is refused.
        rejected: bool,
    },
}

/// Read a revision
///
/// What was sent, what is applied, or what validation said. With `Accept: application/yaml` as YAML.
#[utoipa::path(
    get, path = "/yaml/{id}", tag = "tasks", operation_id = "read",
    params(("id" = String, Path, description = "The task's id, name or the end of its id."), Read),
    responses(
        (status = 200, description = "The revision.", content((RevisionView = "application/json"), (String = "application/yaml"))),
        Invalid,
        Denied,
        (status = 404, description = "The tenant has no such task, or it no such revision in this form.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Several tasks' ids end so.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn get(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<Read>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    caller.may(Scope::Read)?;
    let key = entry.context.resolve(&caller.tenant.name, &id).await?;
    let last = entry.last(&key).await?.ok_or_else(|| no_task(&id))?;
    let command = match query.revision.filter(|n| *n != last.revision) {
        Some(n) => entry.context.records.command(&key, n).await?.ok_or_else(|| no_revision(n, last.revision))?,
        None => last,
    };
    let content = entry.content(&key, &command, query.form).await?;
    if wants_yaml(&headers) {
        return Ok(([(header::CONTENT_TYPE, "application/yaml")], content.into_yaml()).into_response());
    }
    let kind = match command.action {
        Action::Apply { .. } => CommandKind::Apply,
        Action::Revert { .. } => CommandKind::Revert,
        Action::RollBack => CommandKind::RollBack,
    };
    let Command { task: id, name, revision, created, actor, .. } = command;
    Ok(Json(RevisionView { id, name, revision, command: kind, created, actor, content }).into_response())
}

fn no_revision(n: Revision, last: Revision) -> HttpError {
    HttpError::not_found(format!("there is no revision {n}; the last is {last}"))
}

fn wants_yaml(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.contains("yaml") && !accept.contains("json")
}

impl Entry {
    async fn content(&self, key: &TaskKey, command: &Command, form: Form) -> Result<Content, HttpError> {
        let (records, n) = (&self.context.records, command.revision);
        match form {
            Form::Source => {
                let shown = |file: SourceFile| SourceFile { content: manifests::redact_source(&file), ..file };
                let files = self.sources(key, command).await?;
                Ok(Content::Source { files: files.into_iter().map(shown).collect() })
            }
            Form::Rendered => {
                let rendered = records.rendered(key, n).await?.ok_or_else(|| absent(n, "rendered"))?;
                let shown = |o: RenderedObject| RenderedObject { manifest: manifests::redact(&o.manifest), ..o };
                Ok(Content::Rendered {
                    objects: rendered.objects.into_iter().map(shown).collect(),
                    added: rendered.added,
                })
            }
            Form::Report => {
                let report = records.report(key, n).await?.ok_or_else(|| absent(n, "validated"))?;
                Ok(Content::Report { problems: report.problems, rejected: report.rejected })
            }
        }
    }

    /// The files of a revision; of a revert those of the revision that it goes back to.
    async fn sources(&self, key: &TaskKey, command: &Command) -> Result<Vec<SourceFile>, HttpError> {
        let mut next = command.clone();
        for _ in 0..REVERTS {
            match next.action {
                Action::Apply { sources } => return Ok(sources),
                Action::RollBack => return Ok(vec![]),
                Action::Revert { to } => {
                    let earlier = self.context.records.command(key, to).await?;
                    next = earlier.ok_or_else(|| absent(to, "stored"))?;
                }
            }
        }
        Err(absent(command.revision, "sent"))
    }
}

fn absent(n: Revision, what: &str) -> HttpError {
    HttpError::not_found(format!("revision {n} was not {what}, or not yet; its status says more"))
}

impl Content {
    fn into_yaml(self) -> String {
        match self {
            Self::Source { files } => files.into_iter().map(document).collect(),
            Self::Rendered { objects, .. } => {
                objects.iter().map(|o| format!("---\n{}", manifests::to_yaml(&o.manifest))).collect()
            }
            report @ Self::Report { .. } => {
                let value = serde_json::to_value(report).expect("a report has string keys only");
                manifests::to_yaml(&value)
            }
        }
    }
}

fn document(file: SourceFile) -> String {
    let separator = if file.content.starts_with("---") { "" } else { "---\n" };
    let end = if file.content.ends_with('\n') { "" } else { "\n" };
    format!("# {}\n{separator}{}{end}", file.name.replace(['\n', '\r'], " "), file.content)
}
