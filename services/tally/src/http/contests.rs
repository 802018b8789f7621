//! `GET /contests`, `GET /contests/{contest}`, `GET /contests/{contest}/audit`.

use axum::{Json, extract::State};
use bootstrap::{
    Caller, HttpError,
    http::{
        Nothing, Path, Query,
        answers::{Absent, Denied, Invalid},
    },
};
use contests::{Audit, Definition, Gate, Kind, gate};
use domain::access::Scope;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::unavailable;
use crate::Tally;

/// One contest of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed {
    /// Its name.
    name: String,
    /// Its title.
    title: String,
    /// Votes or scores.
    kind: Kind,
    /// Whether it takes ballots.
    state: gate::State,
    /// The definition's revision.
    revision: String,
}

/// One contest.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shown {
    /// What a list says of it.
    #[serde(flatten)]
    listed: Listed,
    /// When it opens or closes next by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_change: Option<Timestamp>,
    /// What people commanded of its gate.
    gate: Gate,
    /// The id of the installation, the same for as long as its records are: another one holds other ballots.
    #[schema(value_type = String, format = Uuid)]
    installation: Uuid,
    /// Its definition, as its file has it and in its order.
    #[schema(value_type = Object)]
    definition: Box<RawValue>,
}

fn listed(definition: &Definition, gate: &Gate) -> Listed {
    Listed {
        name: definition.name.clone(),
        title: definition.title.clone(),
        kind: definition.kind,
        state: gate.state(&definition.open, Timestamp::now()),
        revision: definition.revision().to_string(),
    }
}

/// List contests
#[utoipa::path(
    get, path = "/contests", tag = "contests", operation_id = "contests",
    responses(
        (status = 200, description = "Every contest, by name.", body = Vec<Listed>),
        Invalid,
        Denied,
    ),
)]
pub async fn list(
    State(tally): State<Tally>,
    caller: Caller,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Vec<Listed>>, HttpError> {
    caller.may(Scope::Read)?;
    let names = tally.context().records.contest_names().await?;
    let found = try_join_all(names.iter().map(|name| tally.current(name))).await?;
    Ok(Json(found.into_iter().flatten().map(|(definition, gate)| listed(&definition, &gate)).collect()))
}

/// Show a contest
#[utoipa::path(
    get, path = "/contests/{contest}", tag = "contests", operation_id = "contest",
    params(("contest" = String, Path, description = "The contest's name.")),
    responses(
        (status = 200, description = "The contest with its definition.", body = Shown),
        Invalid,
        Denied,
        Absent,
    ),
)]
pub async fn show(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Shown>, HttpError> {
    // Who casts needs its fields.
    caller.may(Scope::Ballots).or_else(|_| caller.may(Scope::Read))?;
    let (definition, gate) = tally.existing(&name).await?;
    Ok(Json(Shown {
        listed: listed(&definition, &gate),
        next_change: gate.next_change(&definition.open, Timestamp::now()),
        gate,
        installation: tally.context().records.installation().await?,
        definition: RawValue::from_string(definition.canonical_json().to_owned()).expect("canonical JSON is JSON"),
    }))
}

/// Audit a contest
///
/// Where every accepted ballot is, from one snapshot of the ledger: `received` is always counted + duplicate + over
/// limit; once `settled`, `accepted` is `received` + dead. With
/// several instances it may take a second or two until it is known that nothing is under way.
#[utoipa::path(
    get, path = "/contests/{contest}/audit", tag = "contests", operation_id = "audit",
    params(("contest" = String, Path, description = "The contest's name.")),
    responses(
        (status = 200, description = "The audit.", body = Audit),
        Invalid,
        Denied,
        Absent,
    ),
)]
pub async fn audit(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Audit>, HttpError> {
    caller.may(Scope::Read)?;
    let (definition, _) = tally.existing(&name).await?;
    Ok(Json(tally.audit(&definition.name).await.map_err(unavailable)?))
}
