//! W3C trace context, in and out: one trace covers a task from its POST to the last apply.

use std::collections::HashMap;

use ::http::HeaderMap;
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::telemetry;

#[cfg(test)]
mod tests;

/// The header, in HTTP and in messages.
pub const HEADER: &str = "traceparent";

/// The `traceparent` to hand on from within `span`: the span's own where traces are sent, else `received`.
pub fn outgoing(span: &Span, received: Option<&str>) -> Option<String> {
    if telemetry::traces() {
        let mut carrier = HashMap::new();
        TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
        if let Some(own) = carrier.remove(HEADER) {
            return Some(own);
        }
    }
    received.filter(|parent| is_valid(parent)).map(str::to_owned)
}

/// Makes `span` a child of the one that `traceparent` names; nothing where there is none.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    let Some(parent) = traceparent.filter(|_| telemetry::traces()) else { return };
    let carrier = HashMap::from([(HEADER.to_owned(), parent.to_owned())]);
    let context: Context = TraceContextPropagator::new().extract(&carrier);
    if context.span().span_context().is_valid() {
        // It fails only where the span is disabled or has begun elsewhere: then the trace has one part less.
        let _ = span.set_parent(context);
    }
}

/// A span of one delivery, which continues the trace that the message carries.
pub fn of_message(kind: &str, id: &str, traceparent: Option<&str>) -> Span {
    let span = tracing::info_span!("consume", message.kind = kind, message.id = id, task.id = tracing::field::Empty);
    continue_from(&span, traceparent);
    span
}

/// The `traceparent` of a request, if it carries a well-formed one.
pub fn received(headers: &HeaderMap) -> Option<&str> {
    headers.get(HEADER)?.to_str().ok().filter(|parent| is_valid(parent))
}

/// `00-<32 hex>-<16 hex>-<2 hex>`: what a record and a message may carry on.
fn is_valid(parent: &str) -> bool {
    let lengths = parent.split('-').map(str::len).collect::<Vec<_>>();
    lengths == [2, 32, 16, 2] && parent.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
