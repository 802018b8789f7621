//! One task.

use std::time::Duration;

use axum::{
    extract::{Path, Query},
    http::{HeaderMap, HeaderValue},
};
use domain::{Revision, TaskStatus};
use jiff::Timestamp;
use maud::Markup;
use serde::Deserialize;

use crate::{error::PageError, page, session::Caller};

/// How long one request waits for a change.
pub(super) const POLL: Duration = Duration::from_secs(20);

pub async fn page(caller: Caller, Path(id): Path<String>) -> Result<Markup, PageError> {
    let task = caller.client.status(&id).await?;
    Ok(page::task(&task, Timestamp::now(), caller.signed_in))
}

#[derive(Debug, Deserialize)]
pub struct After {
    /// The version that the page shows.
    pub(super) after: Option<u64>,
}

/// What is announced of a task.
pub(super) fn said(task: &TaskStatus) -> String {
    format!("Task {} is {}, {}", task.name, task.state.as_str(), page::health_word(task.health))
}

/// Only what changes, as soon as it does, for a script that gets no events.
pub async fn changes(
    caller: Caller,
    Path(id): Path<String>,
    Query(asked): Query<After>,
) -> Result<(HeaderMap, Markup), PageError> {
    let task = match asked.after {
        Some(after) => caller.client.status_after(&id, after, POLL).await?,
        None => caller.client.status(&id).await?,
    };
    let headers = HeaderMap::from_iter([
        // At most about three times a second, however fast a task changes.
        (super::PAUSE, HeaderValue::from_static("300")),
        (super::VERSION, HeaderValue::from(task.version)),
        (super::SAID, super::escaped(&said(&task))),
    ]);
    Ok((headers, page::task_live(&task, Timestamp::now())))
}

#[derive(Debug, Deserialize)]
pub struct Which {
    revision: Option<Revision>,
}

/// Source beside rendered.
pub async fn manifests(
    caller: Caller,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Markup, PageError> {
    let task = caller.client.status(&id).await?;
    let (sources, rendered) =
        tokio::join!(caller.client.sources(&id, which.revision), caller.client.rendered(&id, which.revision));
    // Neither a revert nor a rejected revision has both: what is absent is said on the page.
    let (sources, rendered) = (absent(sources)?.unwrap_or_default(), absent(rendered)?);
    let revision = which.revision.unwrap_or(task.desired_revision);
    Ok(page::manifests(&task, revision, &sources, rendered.as_ref(), caller.signed_in))
}

fn absent<T>(answer: Result<T, client::Error>) -> Result<Option<T>, PageError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
