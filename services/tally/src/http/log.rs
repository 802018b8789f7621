//! `GET /contests/{contest}/ballots`: the log, newest first.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use bootstrap::{
    Caller, HttpError,
    http::{
        Path, Query,
        answers::{Absent, Denied, Invalid},
    },
};
use contests::{
    Definition, Value,
    definition::{Shape, Wanted},
};
use domain::access::Scope;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Tally;

/// Rows of a page, unless told.
const LIMIT: usize = 50;
/// Rows of a page at most.
const MOST: usize = 1_000;

/// One page of the log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// The ballots; fewer than asked for, even none, where few fit.
    ballots: Vec<LogRow>,
    /// The next page's `cursor`; `null`: this is the last one.
    next: Option<String>,
}

/// One ballot in the log, without what the contest hides, and without fields that it has no more.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogRow {
    /// Its id.
    id: String,
    /// When it was cast.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// `counted` or `over_limit`.
    verdict: &'static str,
    /// Who voted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    voter: Option<String>,
    /// Its fields.
    #[schema(value_type = Object)]
    fields: BTreeMap<String, serde_json::Value>,
}

/// Show the log of ballots
///
/// Newest first, in pages. Besides the parameters listed, each field of the contest that is not hidden is one:
/// `?faculty=agronomy`. Every ballot that was logged is there once: those that count and those above their voters'
/// limit; a duplicate has no row of its own.
#[utoipa::path(
    get, path = "/contests/{contest}/ballots", tag = "contests", operation_id = "ballots",
    params(
        ("contest" = String, Path, description = "The contest's name."),
        ("id" = Option<String>, Query, description = "Only the ballot of this id.", nullable = false),
        ("voter" = Option<String>, Query, description = "Only this voter's, unless voters are hidden.", nullable = false),
        ("verdict" = Option<String>, Query, description = "Only `counted` or only `over_limit` ones; `outcome` is the same where the contest has no such field.", nullable = false),
        ("since" = Option<String>, Query, description = "Only those cast then or later (RFC 3339).", nullable = false),
        ("until" = Option<String>, Query, description = "Only those cast before (RFC 3339).", nullable = false),
        ("cursor" = Option<String>, Query, description = "Where to go on: `next` of the page before.", nullable = false),
        ("limit" = Option<u16>, Query, description = "Rows of a page, 1 to 1000; 50 otherwise.", nullable = false),
    ),
    responses(
        (status = 200, description = "One page of the log.", body = LogPage),
        Invalid,
        Denied,
        Absent,
    ),
)]
pub async fn list(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Json<LogPage>, HttpError> {
    caller.may(Scope::Read)?;
    let (definition, _) = tally.existing(&name).await?;
    let query = query(&definition, parameters)?;
    let page = tally.0.stores.ballots.query(&definition.name, &query).await.map_err(|error| {
        tracing::warn!(%error, contest = definition.name, "a question to the ballots' log failed");
        // No index helps to find what fits a field: a whole log is read where nothing does.
        HttpError::unavailable(
            "the ballots' log does not answer in time; try again, or bound what is searched by `since` and `until`",
        )
    })?;
    let ballots = page.rows.into_iter().map(|row| shown(&definition, row)).collect();
    Ok(Json(LogPage { ballots, next: page.next }))
}

fn query(definition: &Definition, parameters: Vec<(String, String)>) -> Result<ballots::Query, HttpError> {
    let mut query = ballots::Query { limit: LIMIT, ..ballots::Query::default() };
    for (name, value) in parameters {
        match name.as_str() {
            "id" => query.id = Some(value),
            "since" => query.since = Some(time(&name, &value)?),
            "until" => query.until = Some(time(&name, &value)?),
            "cursor" => query.cursor = Some(value),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                query.limit = limit.ok_or_else(|| HttpError::parameter(&name, "expected 1 to 1000"))?;
            }
            "verdict" => query.counted = Some(verdict(&name, &value)?),
            "outcome" if is_verdict(definition, &value) => query.counted = Some(verdict(&name, &value)?),
            // What is hidden cannot be found out by asking for it.
            "voter" if !definition.is_hidden("voter") => query.voter = Some(value),
            _ => {
                let wanted = wanted(definition, &name, value)?;
                query.fields.push((name, wanted));
            }
        }
    }
    Ok(query)
}

/// Whether `outcome` asks for a verdict: a contest may have a field of that name, with values of its own.
fn is_verdict(definition: &Definition, value: &str) -> bool {
    let field = definition.fields.iter().find(|field| field.name == "outcome");
    let own = field.is_some_and(|field| field.shape.values().iter().any(|own| own == value));
    field.is_none() || (matches!(value, "counted" | "over_limit") && !own)
}

fn time(name: &str, value: &str) -> Result<Timestamp, HttpError> {
    value.parse().map_err(|_| HttpError::parameter(name, "expected a time, for example 2026-11-01T00:00:00Z"))
}

fn verdict(name: &str, value: &str) -> Result<bool, HttpError> {
    match value {
        "counted" => Ok(true),
        "over_limit" => Ok(false),
        _ => Err(HttpError::parameter(name, "expected counted or over_limit")),
    }
}

fn wanted(definition: &Definition, name: &str, value: String) -> Result<Wanted, HttpError> {
    let field = definition.fields.iter().find(|field| field.name == name && definition.shows(name));
    let unknown = || {
        HttpError::parameter(name, "expected id, since, until, verdict, cursor, limit, or a field that is not hidden")
    };
    match field.ok_or_else(unknown)?.shape {
        Shape::Text { .. } => Ok(Wanted::Text(value)),
        Shape::Integer { .. } => {
            value.parse().map(Wanted::Integer).map_err(|_| HttpError::parameter(name, "expected a whole number"))
        }
    }
}

fn shown(definition: &Definition, row: ballots::Row) -> LogRow {
    // A row has its own revision's fields. One that the contest has no more was perhaps hidden, and nobody said since
    // that it may be seen.
    let visible = row.values.into_iter().filter(|(name, _)| definition.shows(name));
    let fields = visible.map(|(name, value)| {
        let value = match value {
            Value::Missing => serde_json::Value::Null,
            Value::Text(text) => text.into_owned().into(),
            Value::Integer(number) => number.into(),
        };
        (name, value)
    });
    LogRow {
        id: row.id,
        time: row.time,
        verdict: if row.counted { "counted" } else { "over_limit" },
        voter: row.voter.filter(|_| !definition.is_hidden("voter")),
        fields: fields.collect(),
    }
}
