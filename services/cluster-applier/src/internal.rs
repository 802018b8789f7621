//! The internal interface: plans, explanations and logs, for other services only.

mod plan;
mod questions;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use bootstrap::{Context, HttpError, Secret};
use cluster::Stop;
use subtle::ConstantTimeEq as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Clusters, limiter::Limiter};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question goes on trying what passes: within its time-out.
const PATIENCE: Duration = Duration::from_secs(6);
/// Questions a second, so that they never crowd out applying.
const RATE: f64 = 50.0;
/// Questions at once after a quiet while.
const BURST: f64 = 100.0;

/// What the handlers work with.
struct Inner {
    context: Context,
    clusters: Clusters,
    limiter: Limiter,
}

type Shared = State<Arc<Inner>>;

/// The routes, each behind the internal token, a time-out and a rate limit.
pub fn routes(context: &Context, clusters: &Clusters) -> OpenApiRouter {
    let limiter = Limiter::new(RATE, BURST);
    let inner = Arc::new(Inner { context: context.clone(), clusters: clusters.clone(), limiter });
    OpenApiRouter::new()
        .routes(routes!(plan::plan))
        .routes(routes!(questions::why))
        .routes(routes!(questions::logs))
        .layer(from_fn_with_state(inner.clone(), admit))
        .with_state(inner)
}

/// Lets in whoever shows the internal token, within the rate limit, for the time-out.
async fn admit(State(inner): Shared, request: Request, next: Next) -> Result<Response, HttpError> {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if !is_internal(&inner.context.internal_token, shown) {
        let detail = "this is an interface between services: show the internal token";
        return Err(HttpError::new(StatusCode::UNAUTHORIZED, "unauthorized", detail));
    }
    if !inner.limiter.take() {
        return Err(HttpError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limited",
            "too many questions at once; try again",
        ));
    }
    let answered = tokio::time::timeout(TIMEOUT, next.run(request)).await;
    answered.map_err(|_| HttpError::unavailable("the cluster did not answer in time; try again"))
}

/// Without a token nobody is let in.
fn is_internal(token: &Secret, shown: Option<&str>) -> bool {
    let shown = shown.and_then(|s| s.strip_prefix("Bearer ")).unwrap_or_default();
    !token.is_empty() && bool::from(shown.as_bytes().ct_eq(token.expose().as_bytes()))
}

/// The engine's stops as HTTP errors.
fn stopped(stop: Stop) -> HttpError {
    match stop {
        Stop::Failed(problems) => HttpError::unprocessable("not-possible", "the cluster refused it").with(problems),
        Stop::Later(problems) => HttpError::unavailable("the cluster does not answer; try again").with(problems),
        Stop::LeaseEnds => HttpError::unavailable("the cluster does not answer; try again"),
    }
}
