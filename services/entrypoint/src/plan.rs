//! Dry runs: asked of cluster-applier; nothing is written anywhere.

use axum::response::Response;
use bootstrap::{Caller, HttpError};
use domain::{Options, Problem, Revision, SourceFile, TaskId, TaskName, Tenant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Entry;

/// What cluster-applier is asked: `POST /internal/plan`.
#[derive(Debug, Serialize)]
struct Question<'a> {
    tenant: &'a Tenant,
    #[serde(flatten)]
    asked: Asked,
}

/// What a dry run is of.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// The task, of a PUT.
    pub task: Option<TaskId>,
    /// The task's name, where it has one.
    pub name: Option<TaskName>,
    /// The files; none of a revert.
    pub files: Vec<SourceFile>,
    /// How it would be run.
    pub options: Options,
    /// Of a revert: the revision to go back to.
    pub revision: Option<Revision>,
}

/// What a dry run says would happen.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: the answer is handed on as cluster-applier gives it")]
pub struct Plan {
    /// Errors and warnings.
    problems: Vec<Problem>,
    /// What would become of each object.
    objects: Vec<serde_json::Value>,
}

/// Files as parts of a multipart body.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: parts are read by hand")]
pub struct Files {
    /// Each part is a file, with a file name.
    #[schema(value_type = Vec<String>, format = Binary, content_media_type = "application/yaml", min_items = 1, max_items = 200)]
    files: Vec<String>,
}

impl Entry {
    /// Asks cluster-applier what would happen.
    pub async fn plan(&self, caller: &Caller, asked: Asked) -> Result<Response, HttpError> {
        self.internal.post("/internal/plan", &Question { tenant: &caller.tenant, asked }).await
    }
}
