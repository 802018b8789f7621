//! What happens to every request before and after its handler.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tracing::{Instrument, Span, field::Empty};

use super::{
    BodyLimits, HttpError,
    body::{Bounded, InFlight, Share, discard},
    extract::too_large,
    guard::{Guard, single},
    meters::Meters,
};
use crate::{Access, telemetry, trace};

/// What the edge knows.
pub(crate) struct Edge {
    /// None: nobody is asked who he is.
    pub(crate) access: Option<Access>,
    pub(crate) guard: Guard,
    pub(crate) bodies: BodyLimits,
    pub(crate) in_flight: InFlight,
    pub(crate) meters: Meters,
}

/// Guards, bounds, traces, measures; a panic is a 500 without details.
pub(crate) async fn edge(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let path = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let origin = request.headers().get(header::ORIGIN).cloned();
    let span = span(&method, path, request.headers());
    let handled = AssertUnwindSafe(edge.answer(request, next)).catch_unwind().instrument(span.clone()).await;
    let mut response = handled.unwrap_or_else(|_| panicked(path));
    edge.allow_reading(origin, response.headers_mut());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Only a trace tells it: after this no line is logged within the span, and to note it for logs costs more than
    // all else here.
    if telemetry::traces() {
        span.record("http.status", response.status().as_u16());
    }
    edge.meters.record(&method, path, response.status(), began.elapsed());
    response
}

impl Edge {
    async fn answer(&self, mut request: Request, next: Next) -> Response {
        if let Err(refused) = self.check(&request) {
            return refused.into_response();
        }
        if let Some(preflight) = self.preflight(&request) {
            return preflight;
        }
        let length = content_length(request.headers());
        if length > self.bodies.bytes {
            return self.refuse_body(request);
        }
        if !self.in_flight.fits(length) {
            return HttpError::unavailable("too many bodies are being read; try again").into_response();
        }
        let share = Share::of(&self.in_flight);
        if let Some(access) = &self.access {
            request.extensions_mut().insert(access.clone());
        }
        let bounded = request.map(|body| Body::new(Bounded::new(body, self.bodies, share.clone())));
        let response = next.run(bounded).await;
        drop(share);
        response
    }

    fn check(&self, request: &Request) -> Result<(), HttpError> {
        single(request.headers(), header::HOST.as_str())?;
        match &self.access {
            Some(access) if access.is_local() => self.guard.check(request.method(), request.uri(), request.headers()),
            _ => Ok(()),
        }
    }

    /// Answers at once: the client may look at the answer before it sends. What it sends nevertheless is
    /// dropped beside the answer, for a bounded time.
    fn refuse_body(&self, request: Request) -> Response {
        // A client that asks first has sent nothing yet.
        if !request.headers().contains_key(header::EXPECT) {
            tokio::spawn(discard(request.into_body(), self.bodies));
        }
        too_large(self.bodies.bytes).into_response()
    }

    fn preflight(&self, request: &Request) -> Option<Response> {
        let asked = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request.headers().get(header::ORIGIN)?.to_str().ok()?;
        let preflight = asked && request.method() == Method::OPTIONS && self.guard.may_read(origin);
        preflight.then(|| {
            let headers: [(HeaderName, &str); 3] = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, if-none-match, last-event-id"),
                (header::ACCESS_CONTROL_MAX_AGE, "600"),
            ];
            (StatusCode::NO_CONTENT, headers).into_response()
        })
    }

    fn allow_reading(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.guard.cors_origins.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin.filter(|o| o.to_str().is_ok_and(|o| self.guard.may_read(o))) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, location"));
        }
    }
}

fn span(method: &Method, path: &str, headers: &HeaderMap) -> Span {
    let span =
        tracing::info_span!("http", http.method = %method, http.path = path, http.status = Empty, task.id = Empty);
    trace::continue_from(&span, trace::received(headers));
    span
}

fn panicked(path: &str) -> Response {
    tracing::error!(http.path = path, "a handler panicked");
    let detail = "an error of ours; it is logged";
    HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

fn content_length(headers: &HeaderMap) -> usize {
    let value = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    value.and_then(|v| v.parse().ok()).unwrap_or(0)
}
