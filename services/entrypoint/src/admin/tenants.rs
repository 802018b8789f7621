//! `/tenants`.

use axum::{Json, extract::State, http::StatusCode};
use bootstrap::{
    Caller, HttpError,
    http::{
        Json as Body, Nothing, Path, ProblemDetails, Query,
        answers::{Absent, Denied, Invalid, Unread},
    },
};
use domain::{Problem, Tenant, TenantName, access::Scope};

use crate::Entry;

/// Names that stand for somebody already: of `marea up`, of the configured administrator, of the leases of
/// entrypoint's sweep and of status-worker's look for lost states.
const RESERVED: [&str; 4] = ["local", "platform", "marea-sweep", "marea-refold"];

/// List tenants
#[utoipa::path(
    get, path = "/tenants", tag = "administration", operation_id = "list_tenants",
    responses(
        (status = 200, description = "Every tenant.", body = Vec<Tenant>),
        Denied,
        Invalid,
    ),
)]
pub async fn list(
    State(entry): State<Entry>,
    caller: Caller,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Vec<Tenant>>, HttpError> {
    caller.may(Scope::Admin)?;
    Ok(Json(entry.context.records.access_tenants().await?))
}

/// Read a tenant
#[utoipa::path(
    get, path = "/tenants/{name}", tag = "administration", operation_id = "read_tenant",
    params(("name" = String, Path, description = "The tenant's name.")),
    responses(
        (status = 200, description = "The tenant.", body = Tenant),
        Denied,
        Invalid,
        Absent,
    ),
)]
pub async fn get(
    State(entry): State<Entry>,
    caller: Caller,
    Path(name): Path<TenantName>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Tenant>, HttpError> {
    caller.may(Scope::Admin)?;
    entry.context.records.tenant(&name).await?.map(Json).ok_or_else(|| none(&name))
}

/// Make or change a tenant
///
/// Each namespace belongs to one tenant: one that another has is refused until that one gives it up.
#[utoipa::path(
    put, path = "/tenants/{name}", tag = "administration", operation_id = "put_tenant",
    params(("name" = String, Path, description = "The tenant's name.")),
    request_body = Tenant,
    responses(
        (status = 200, description = "Changed.", body = Tenant),
        (status = 201, description = "Made.", body = Tenant),
        (status = 404, description = "No tenant can have that name.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "A namespace is another tenant's.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The tenant's values are not valid.", body = ProblemDetails, content_type = "application/problem+json"),
        Denied,
        Invalid,
        Unread,
    ),
)]
pub async fn put(
    State(entry): State<Entry>,
    caller: Caller,
    Path(name): Path<TenantName>,
    Query(Nothing {}): Query<Nothing>,
    Body(tenant): Body<Tenant>,
) -> Result<(StatusCode, Json<Tenant>), HttpError> {
    caller.may(Scope::Admin)?;
    check(&name, &tenant)?;
    let known = entry.write_tenant(&tenant).await;
    entry.context.access.refresh();
    let known = known?;
    tracing::info!(tenant = %name, actor = caller.actor, "a tenant was written");
    Ok((if known { StatusCode::OK } else { StatusCode::CREATED }, Json(tenant)))
}

/// Delete a tenant
#[utoipa::path(
    delete, path = "/tenants/{name}", tag = "administration", operation_id = "delete_tenant",
    params(("name" = String, Path, description = "The tenant's name.")),
    responses(
        (status = 204, description = "Deleted; its tokens are worth nothing."),
        (status = 409, description = "It has tasks that are not rolled back.", body = ProblemDetails, content_type = "application/problem+json"),
        Denied,
        Invalid,
        Absent,
    ),
)]
pub async fn delete(
    State(entry): State<Entry>,
    caller: Caller,
    Path(name): Path<TenantName>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, HttpError> {
    caller.may(Scope::Admin)?;
    let tenant = entry.context.records.tenant(&name).await?.ok_or_else(|| none(&name))?;
    // A quota of one is exceeded by any task that is not rolled back.
    entry.within_quota(&Tenant { max_tasks: 1, ..tenant.clone() }).await.map_err(|error| match error.status() {
        StatusCode::FORBIDDEN => {
            let detail = format!("the tenant `{name}` has tasks that are not rolled back; delete them first");
            HttpError::conflict("tenant-in-use", detail)
        }
        // Whether it has any is not known.
        _ => error,
    })?;
    entry.delete_tenant(&tenant).await?;
    entry.context.access.refresh();
    tracing::info!(tenant = %name, actor = caller.actor, "a tenant was deleted");
    Ok(StatusCode::NO_CONTENT)
}

fn none(name: &TenantName) -> HttpError {
    HttpError::not_found(format!("there is no tenant `{name}`"))
}

fn check(name: &TenantName, tenant: &Tenant) -> Result<(), HttpError> {
    let mut problems = Vec::new();
    let mut add = |field: &str, message: String| problems.push(Problem::error("invalid_tenant", message).at(field));
    if tenant.name != *name {
        add("name", format!("expected `{name}`, as in the path"));
    }
    if RESERVED.contains(&name.as_str()) {
        add("name", format!("`{name}` is reserved; choose another name"));
    }
    if tenant.namespaces.is_empty() {
        add("namespaces", "expected at least one; the first is the default".to_owned());
    }
    if tenant.every_namespace {
        let message = "only the local tenant of `marea up` has every namespace, for it is the administrator; list them";
        add("every_namespace", message.to_owned());
    }
    for namespace in &tenant.namespaces {
        if !is_label(namespace) || namespace.starts_with("kube-") {
            add("namespaces", format!("`{namespace}` is not a namespace that a tenant can have"));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(HttpError::unprocessable("invalid-tenant", "the tenant is not valid").with(problems))
}

/// An RFC 1123 label, as names of namespaces are.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
