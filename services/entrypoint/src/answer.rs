//! The answer to a command that was taken.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Action, Command, Revision, State, TaskId, TaskName};
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to a command that was taken: it is stored, and will be run, whatever crashes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// The task's id.
    pub id: TaskId,
    /// Its name.
    pub name: TaskName,
    /// The command's number.
    pub revision: Revision,
    /// The state that the task is in with it.
    pub state: State,
    /// Where to go on.
    pub links: Links,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The task's status; also as a stream (`Accept: text/event-stream`).
    pub status: String,
    /// The task's files.
    pub yaml: String,
}

impl Accepted {
    /// The answer to this command.
    pub fn of(command: &Command, state: State) -> Self {
        let (id, name, revision) = (command.task, command.name.clone(), command.revision);
        let links = Links { status: format!("/status/{id}"), yaml: format!("/yaml/{id}") };
        Self { id, name, revision, state, links }
    }

    /// The answer to a command that was just published.
    pub fn published(command: &Command) -> Self {
        let roll_back = command.action == Action::RollBack;
        Self::of(command, if roll_back { State::RollingBack } else { State::Pending })
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let location = [(header::LOCATION, self.links.status.clone())];
        (StatusCode::ACCEPTED, location, Json(self)).into_response()
    }
}
