use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use testkit::{Otlp, http};

fn request() -> ExportTraceServiceRequest {
    let value = Some(AnyValue { value: Some(Value::StringValue("entrypoint".into())) });
    let service = KeyValue { key: "service.name".into(), value, ..KeyValue::default() };
    let span = Span { trace_id: vec![0xab; 16], span_id: vec![1; 8], name: "POST /yaml".into(), ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource = Some(Resource { attributes: vec![service], ..Resource::default() });
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, ..Default::default() }] }
}

#[tokio::test]
async fn spans_are_kept_with_their_service_and_rubbish_is_refused() {
    let collector = Otlp::start().await;
    let url = format!("{}/v1/traces", collector.url());
    let taken = http().post(&url).body(request().encode_to_vec()).send().await.unwrap();
    assert_eq!(taken.status(), 200);
    let [span] = &collector.spans()[..] else { panic!("one span was sent") };
    assert_eq!((&*span.service, &*span.name, &*span.parent), ("entrypoint", "POST /yaml", ""));
    assert_eq!(span.trace, "ab".repeat(16));
    let refused = http().post(&url).body("not a span").send().await.unwrap();
    assert_eq!(refused.status(), 400);
}
