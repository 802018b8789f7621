//! A receiver of traces.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A span as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace's id, 32 hexadecimal digits.
    pub trace: String,
    /// The span's id, 16 hexadecimal digits.
    pub id: String,
    /// The parent's id; empty for a root.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// The service that sent it (`service.name`).
    pub service: String,
    /// Its attributes, each as text.
    pub attributes: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A collector that speaks OTLP over HTTP with protobuf bodies, and keeps every span.
#[derive(Debug)]
pub struct Otlp {
    url: String,
    spans: Spans,
    server: JoinHandle<()>,
}

impl Otlp {
    /// Starts it on this test's runtime.
    ///
    /// # Panics
    /// Where loopback has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving ends only with its task");
        });
        Self { url: format!("http://{address}"), spans, server }
    }

    /// The endpoint as `OTEL_EXPORTER_OTLP_ENDPOINT` takes it: without `/v1/traces`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every span up to now.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => {
            let arrived = request.resource_spans.into_iter().flat_map(of_resource);
            spans.lock().unwrap_or_else(PoisonError::into_inner).extend(arrived);
            // An empty body is an empty ExportTraceServiceResponse.
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

fn of_resource(resource: ResourceSpans) -> Vec<Span> {
    let about = attributes(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
    let service = about.get("service.name").cloned().unwrap_or_default();
    let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
    let kept = spans.map(|span| Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        service: service.clone(),
        attributes: attributes(span.attributes),
    });
    kept.collect()
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}
