//! The log of ballots.

use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use client::{Error, LogPage};
use contests::Definition;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    error::PageError,
    page::{self, BallotLog, FILTERS},
    session::Caller,
};

/// Ballots a page.
const PAGE: &str = "50";
/// Pages without a row, as after many repeats, that are passed over for a reader.
const LOOKS: usize = 20;

pub async fn page(
    caller: Caller,
    Path(name): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (_, definition) = caller.client.contest_defined(&name).await?;
    let cursor = asked.iter().find(|(name, value)| name == "cursor" && !value.is_empty()).map(|(_, c)| c.clone());
    let asked = filters(&definition, asked);
    let mut query = vec![("limit", PAGE)];
    query.extend(asked.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let mut answer = caller.client.ballots(&name, &query).await;
    for _ in 0..LOOKS {
        let Some(next) = answer.as_ref().ok().filter(|page| page.ballots.is_empty()).and_then(|page| page.next.clone())
        else {
            break;
        };
        query.retain(|(name, _)| *name != "cursor");
        let further = [&query[..], &[("cursor", &next)]].concat();
        answer = caller.client.ballots(&name, &further).await;
    }
    let (status, found) = explained(answer)?;
    let log = BallotLog { definition, asked, cursor, found };
    Ok((status, page::ballots(&log, caller.signed_in)).into_response())
}

/// What of a query is a filter, each once. What is hidden is none, and is shown nowhere.
fn filters(definition: &Definition, asked: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut filters: Vec<(String, String)> = Vec::new();
    for (name, value) in asked {
        let known =
            FILTERS.contains(&name.as_str()) || definition.position(&name).is_some_and(|_| !page::is_reserved(&name));
        let value = value.trim();
        if !known || value.is_empty() || definition.is_hidden(&name) || filters.iter().any(|(n, _)| *n == name) {
            continue;
        }
        let value = if matches!(name.as_str(), "since" | "until") { instant(value) } else { value.to_owned() };
        filters.push((name, value));
    }
    filters
}

/// A point in time as the interface reads it: of a form, which knows no zone, in UTC. What is none is left for the
/// interface to refuse.
fn instant(text: &str) -> String {
    let of_form = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse::<Timestamp>().ok().or_else(of_form).map_or_else(|| text.to_owned(), |at| at.to_string())
}

/// What a filter was refused for stands on the page.
fn explained(answer: Result<LogPage, Error>) -> Result<(StatusCode, Result<LogPage, String>), PageError> {
    match answer {
        Ok(page) => Ok((StatusCode::OK, Ok(page))),
        Err(Error::Refused(refusal)) if refusal.status == 400 => Ok((StatusCode::BAD_REQUEST, Err(refusal.detail))),
        Err(error) => Err(error.into()),
    }
}
