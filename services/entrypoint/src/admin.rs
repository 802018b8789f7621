//! What administrators do: tenants, tokens, dead letters.

mod dead_letters;
mod namespaces;
mod tenants;
mod tokens;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Entry;

/// The routes; all need the scope admin.
pub fn routes() -> OpenApiRouter<Entry> {
    OpenApiRouter::new()
        .routes(routes!(tenants::list))
        .routes(routes!(tenants::get, tenants::put, tenants::delete))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::delete))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::delete))
        .routes(routes!(dead_letters::requeue))
}
