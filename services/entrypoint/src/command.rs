//! One command: stored, published, confirmed.

use std::time::Instant;

use axum::http::StatusCode;
use bootstrap::{Caller, HttpError};
use domain::{Action, Command, Options, Revision, TaskId, TaskName};
use jiff::Timestamp;
use messaging::topology::CONFIRM_TIMEOUT;
use tracing::Span;

use crate::{Entry, answer::Accepted};

/// What is common to a request's commands.
#[derive(Clone)]
pub struct Origin {
    /// Who sends it.
    pub caller: Caller,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

impl Origin {
    /// The origin of a request.
    pub fn new(caller: Caller, headers: &axum::http::HeaderMap) -> Self {
        let traceparent = bootstrap::trace::outgoing(&Span::current(), bootstrap::trace::received(headers));
        Self { caller, traceparent }
    }

    /// A command of now.
    pub fn command(
        &self,
        task: TaskId,
        name: TaskName,
        revision: Revision,
        action: Action,
        options: Options,
    ) -> Command {
        Span::current().record("task.id", tracing::field::display(task));
        Command {
            tenant: self.caller.tenant.name.clone(),
            task,
            name,
            revision,
            action,
            options,
            created: Timestamp::now(),
            actor: self.caller.actor.clone(),
            traceparent: self.traceparent.clone(),
            idempotency: None,
        }
    }
}

impl Entry {
    /// Publishes a stored command and awaits the confirm: a 202 is true from here on.
    pub async fn publish(&self, command: &Command) -> Result<Accepted, HttpError> {
        let began = Instant::now();
        let confirmed = tokio::time::timeout(CONFIRM_TIMEOUT, self.context.publish_command(command)).await;
        metrics::histogram!("entrypoint_confirm_duration_seconds").record(began.elapsed());
        match confirmed {
            Ok(Ok(())) => Ok(Accepted::published(command)),
            Ok(Err(error)) => {
                tracing::warn!(task.id = %command.task, error = %error, "a command is stored and not confirmed");
                Err(unknown(command))
            }
            Err(_) => {
                tracing::warn!(task.id = %command.task, "a command is stored and was not confirmed in time");
                Err(unknown(command))
            }
        }
    }
}

fn unknown(command: &Command) -> HttpError {
    let detail = format!(
        "task {} may or may not run: the broker did not confirm in time; send the request again with the same \
         Idempotency-Key, or see its status",
        command.task
    );
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail).about(command.task)
}
