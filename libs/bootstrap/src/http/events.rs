//! Server-sent events, as every stream of ours is answered.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};

use futures::{StreamExt, stream};

/// A line that says nothing, so that nobody takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a client that was cut off comes again.
const RETRY: Duration = Duration::from_secs(1);

/// The same of events that are written already, whose bytes many streams may share. Each says `retry` itself.
pub fn events_of_bytes<P, F>(place: P, next: impl FnMut(P) -> F + Send + 'static) -> Response
where
    P: Send + 'static,
    F: Future<Output = Option<(Bytes, P)>> + Send + 'static,
{
    let events = Box::pin(stream::unfold(place, next));
    // What is silent for long proxies cut off.
    let beating = stream::unfold(events, |mut events| async {
        let next = match tokio::time::timeout(HEARTBEAT, events.next()).await {
            Ok(next) => next?,
            Err(_elapsed) => Bytes::from_static(b":\n\n"),
        };
        Some((Ok::<_, Infallible>(next), events))
    });
    let headers = [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")];
    (headers, Body::from_stream(beating)).into_response()
}

/// A stream of events, each made by `next` of the place that the one before left; `None` ends it, and the client comes
/// again.
pub fn events<P, F>(place: P, next: impl FnMut(P) -> F + Send + 'static) -> Response
where
    P: Send + 'static,
    F: Future<Output = Option<(Event, P)>> + Send + 'static,
{
    let events = stream::unfold(place, next).map(|event| Ok::<_, Infallible>(event.retry(RETRY)));
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies must not hold events back.
    ([("x-accel-buffering", "no")], events).into_response()
}
