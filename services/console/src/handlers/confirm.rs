//! Deleting and reverting: first asked, then done.

use axum::{
    Form,
    extract::{Path, Query},
    response::Redirect,
};
use client::Running;
use domain::{OnFailure, Revision};
use maud::Markup;
use serde::Deserialize;

use crate::{error::PageError, page, session::Caller};

pub async fn delete_form(caller: Caller, Path(id): Path<String>) -> Result<Markup, PageError> {
    let task = caller.client.status(&id).await?;
    Ok(page::confirm_delete(&task, caller.signed_in))
}

pub async fn delete(caller: Caller, Path(id): Path<String>) -> Result<Redirect, PageError> {
    let accepted = caller.client.delete(&id).await?;
    Ok(Redirect::to(&format!("/tasks/{}", accepted.id)))
}

#[derive(Debug, Deserialize)]
pub struct To {
    to: Revision,
}

/// What the form before a revert says.
#[derive(Debug, Deserialize)]
pub struct Revert {
    to: Revision,
    on_failure: Option<OnFailure>,
    #[serde(default)]
    confirm_prune: bool,
    #[serde(default)]
    prune_volumes: bool,
}

pub async fn revert_form(caller: Caller, Path(id): Path<String>, Query(asked): Query<To>) -> Result<Markup, PageError> {
    let task = caller.client.status(&id).await?;
    Ok(page::confirm_revert(&task, asked.to, caller.signed_in))
}

pub async fn revert(caller: Caller, Path(id): Path<String>, Form(asked): Form<Revert>) -> Result<Redirect, PageError> {
    let Revert { to, on_failure, confirm_prune, prune_volumes } = asked;
    let running = Running { on_failure, confirm_prune, prune_volumes, ..Running::default() };
    let accepted = caller.client.revert(&id, to, &running).await?;
    Ok(Redirect::to(&format!("/tasks/{}", accepted.id)))
}
