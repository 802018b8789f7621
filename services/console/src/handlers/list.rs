//! The list of tasks.

use axum::{
    extract::Query,
    http::{HeaderMap, HeaderValue},
};
use domain::State;
use jiff::Timestamp;
use maud::Markup;
use serde::Deserialize;

use crate::{
    error::PageError,
    page::{self, List},
    session::Caller,
};

/// Tasks a page.
const PAGE: usize = 50;

/// What may be asked of the list. An unknown state is none.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    cursor: Option<String>,
}

impl Asked {
    fn state(&self) -> Option<State> {
        State::OF_A_TASK.into_iter().find(|state| state.as_str() == self.state)
    }
}

async fn read(caller: &Caller, asked: Asked) -> Result<List, PageError> {
    let state = asked.state();
    let page = caller.client.list(state.map(State::as_str), asked.cursor.as_deref(), PAGE).await?;
    Ok(List { tasks: page.tasks, next: page.next, state, cursor: asked.cursor })
}

pub async fn page(caller: Caller, Query(asked): Query<Asked>) -> Result<Markup, PageError> {
    let list = read(&caller, asked).await?;
    Ok(page::list(&list, Timestamp::now(), caller.signed_in))
}

/// Only what changes, for the script.
pub async fn changes(caller: Caller, Query(asked): Query<Asked>) -> Result<(HeaderMap, Markup), PageError> {
    let list = read(&caller, asked).await?;
    let headers = HeaderMap::from_iter([(super::PAUSE, HeaderValue::from_static("2000"))]);
    Ok((headers, page::list_rows(&list, Timestamp::now())))
}
