//! `POST /contests/{contest}/verify` and `…/rebuild`.

use axum::{Json, extract::State};
use bootstrap::{
    Caller, HttpError,
    http::{
        Nothing, Path, Query,
        answers::{Absent, Denied, Invalid},
    },
};
use domain::access::Scope;

use super::unavailable;
use crate::{Rebuilt, Tally, Verified};

/// Verify a contest
///
/// Compares what ledger, log and counters say. It reads the whole ledger of the contest.
#[utoipa::path(
    post, path = "/contests/{contest}/verify", tag = "contests", operation_id = "verify",
    params(("contest" = String, Path, description = "The contest's name.")),
    responses(
        (status = 200, description = "What was found.", body = Verified),
        Invalid,
        Denied,
        Absent,
    ),
)]
pub async fn verify(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Verified>, HttpError> {
    caller.may(Scope::Admin)?;
    let (definition, _) = tally.existing(&name).await?;
    // What expired under an earlier revision stays away.
    let expires = tally.expires(&definition.name).await?;
    Ok(Json(tally.verify(&definition.name, expires).await.map_err(unavailable)?))
}

/// Rebuild a contest's counters
///
/// Makes a new generation of counters from the whole ledger, and switches to it. It may be asked again at any time.
#[utoipa::path(
    post, path = "/contests/{contest}/rebuild", tag = "contests", operation_id = "rebuild",
    params(("contest" = String, Path, description = "The contest's name.")),
    responses(
        (status = 200, description = "The new generation holds.", body = Rebuilt),
        Invalid,
        Denied,
        Absent,
    ),
)]
pub async fn rebuild(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Rebuilt>, HttpError> {
    caller.may(Scope::Admin)?;
    let (definition, _) = tally.existing(&name).await?;
    Ok(Json(tally.rebuild(&definition.name).await.map_err(unavailable)?))
}
