//! A service's routes with all that surrounds them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    BodyLimits, Guard, HttpError,
    body::InFlight,
    docs,
    edge::{Edge, edge},
    meters::Meters,
};
use crate::{Context, Process, telemetry};

/// How routes are surrounded, where the defaults will not do.
#[derive(Debug, Clone, Default)]
pub struct App {
    /// What is checked of `Host` and `Origin` without tokens.
    pub guard: Guard,
    /// Bounds on each request's body.
    pub bodies: BodyLimits,
}

/// Surrounds a service's routes with the context's bounds, access, probes and documentation.
pub fn app(context: &Context, routes: OpenApiRouter) -> Router {
    App { guard: context.guard.clone(), bodies: BodyLimits::default() }.build(context, routes)
}

/// Surrounds the routes of a service that needs none of the shared parts with bounds and probes. No handler of
/// them may ask for a [`crate::Caller`].
pub fn app_alone(process: &Process, router: Router) -> Router {
    let (guard, bodies, in_flight, meters) = Default::default();
    let router = router.fallback(|| async { HttpError::not_found("no such path") });
    surround(router, process.clone(), Edge { access: None, guard, bodies, in_flight, meters })
}

impl App {
    /// Surrounds a service's routes.
    pub fn build(self, context: &Context, routes: OpenApiRouter) -> Router {
        let (router, mut api) = routes.split_for_parts();
        docs::complete(&mut api);
        let Self { guard, bodies } = self;
        let router = router.merge(documentation(&api));
        let router = router.fallback(|| async { HttpError::not_found("no such path; /docs lists all") });
        let access = Some(context.access.clone());
        surround(
            router,
            context.into(),
            Edge { access, guard, bodies, in_flight: InFlight::default(), meters: Meters::default() },
        )
    }
}

fn surround(router: Router, process: Process, state: Edge) -> Router {
    router
        .merge(probes(process))
        .method_not_allowed_fallback(not_allowed)
        // The edge bounds bodies, also those that no extractor reads.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::new(state), edge))
}

async fn not_allowed() -> HttpError {
    let detail = "the path exists, but not with this method; the header `allow` names those that do";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}

fn documentation(api: &OpenApi) -> Router {
    let json = api.to_json().expect("an OpenAPI document has string keys only");
    let page = docs::page(api);
    let json = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    Router::new().route("/openapi.json", get(json)).route("/docs", get(move || async move { Html(page) }))
}

fn probes(process: Process) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/metrics", get(|| async { telemetry::render_metrics() }))
        .route("/readyz", get(ready))
        .with_state(Arc::new(process))
}

async fn ready(State(process): State<Arc<Process>>) -> Response {
    let mut missing = process.readiness.missing().await;
    if process.stopping.is_cancelled() {
        missing.insert("process", "it is stopping".to_owned());
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let service = process.service;
    let mut body = json!({ "service": service, "ready": missing.is_empty(), "not_ready": missing });
    let details = process.readiness.details();
    if !details.is_empty() {
        body["details"] = json!(details);
    }
    (status, Json(body)).into_response()
}
