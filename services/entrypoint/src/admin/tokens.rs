//! `/tokens`.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use bootstrap::{
    Caller, HttpError, Secret,
    http::{
        Json as Body, Nothing, Path, ProblemDetails, Query,
        answers::{Absent, Denied, Invalid, Unread},
    },
    issue,
};
use domain::{
    TenantName,
    access::{Scope, Token},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Entry;

/// The longest note, in bytes.
const NOTE_BYTES: usize = 1_000;

/// What `GET /tokens` takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Only this tenant's.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
    tenant: Option<TenantName>,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The tenant that it acts for.
    #[schema(value_type = String, pattern = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
    tenant: TenantName,
    /// What it may be used for; at least one.
    #[schema(min_items = 1)]
    scopes: BTreeSet<Scope>,
    /// When it ends; none: never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 250)]
    note: String,
}

/// A token as it is made: the only time that it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct Made {
    /// The whole token, for `Authorization: Bearer`.
    token: String,
    /// Its public part.
    id: String,
    /// The tenant that it acts for.
    tenant: TenantName,
    /// What it may be used for.
    scopes: BTreeSet<Scope>,
    /// When it ends; none: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// What it is for.
    note: String,
}

impl Made {
    fn of(stored: Token, secret: &Secret) -> Self {
        let Token { id, hash: _, tenant, scopes, expires, created, note } = stored;
        Self { token: secret.expose().to_owned(), id, tenant, scopes, expires, created, note }
    }
}

/// Hashes stay where they are: of no use to anybody, and nobody's business.
fn shown(token: Token) -> Token {
    Token { hash: String::new(), ..token }
}

/// List tokens
#[utoipa::path(
    get, path = "/tokens", tag = "administration", operation_id = "list_tokens",
    params(Of),
    responses(
        (status = 200, description = "The tokens, without what they are worth.", body = Vec<Token>),
        Denied,
        Invalid,
    ),
)]
pub async fn list(
    State(entry): State<Entry>,
    caller: Caller,
    Query(of): Query<Of>,
) -> Result<Json<Vec<Token>>, HttpError> {
    caller.may(Scope::Admin)?;
    let all = entry.context.records.tokens().await?;
    let wanted = all.into_iter().filter(|t| of.tenant.as_ref().is_none_or(|tenant| t.tenant == *tenant));
    Ok(Json(wanted.map(shown).collect()))
}

/// Make a token
#[utoipa::path(
    post, path = "/tokens", tag = "administration", operation_id = "create_token",
    request_body = Wanted,
    responses(
        (status = 201, description = "Made; it is shown this once.", body = Made),
        (status = 404, description = "There is no such tenant.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "It would be of no use.", body = ProblemDetails, content_type = "application/problem+json"),
        Denied,
        Invalid,
        Unread,
    ),
)]
pub async fn create(
    State(entry): State<Entry>,
    caller: Caller,
    Query(Nothing {}): Query<Nothing>,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Made>), HttpError> {
    caller.may(Scope::Admin)?;
    let Wanted { tenant, scopes, expires, note } = wanted;
    if entry.context.access.tenant(&tenant).await?.is_none() {
        return Err(HttpError::not_found(format!("there is no tenant `{tenant}`; make it first")));
    }
    let ended = expires.is_some_and(|end| end <= Timestamp::now());
    if scopes.is_empty() || ended || note.len() > NOTE_BYTES {
        let detail = "expected at least one scope, an end in the future, and a note of at most 1,000 bytes";
        return Err(HttpError::unprocessable("useless-token", detail));
    }
    let (stored, secret) = issue(tenant, scopes, expires, note);
    entry.context.records.put_token(&stored).await?;
    entry.context.access.refresh();
    tracing::info!(token = stored.id, tenant = %stored.tenant, actor = caller.actor, "a token was made");
    Ok((StatusCode::CREATED, Json(Made::of(stored, &secret))))
}

/// Revoke a token
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "administration", operation_id = "revoke_token",
    params(("id" = String, Path, description = "The token's public id.")),
    responses(
        (status = 204, description = "Revoked; every process refuses it within 10 s."),
        Denied,
        Invalid,
        Absent,
    ),
)]
pub async fn delete(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, HttpError> {
    caller.may(Scope::Admin)?;
    let found = entry.context.records.token(&id).await?;
    let token = found.ok_or_else(|| HttpError::not_found("there is no such token"))?;
    entry.context.records.delete_token(&token.id).await?;
    entry.context.access.refresh();
    tracing::info!(token = token.id, actor = caller.actor, "a token was revoked");
    Ok(StatusCode::NO_CONTENT)
}
