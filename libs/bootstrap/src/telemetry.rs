//! Logs to stderr, metrics in Prometheus' format, traces by OTLP/HTTP.

#[cfg(test)]
mod tests;

use std::{
    io::IsTerminal,
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::Counter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource, runtime,
    trace::{SdkTracer, SdkTracerProvider, span_processor_with_async_runtime::BatchSpanProcessor},
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::{Platform, config::ConfigError};

/// How long the flush at exit may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often histograms are gathered.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds of histograms of seconds: from an embedded publish to a slow task.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];
/// Upper bounds of histograms of sizes of batches.
const SIZES: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

static PROMETHEUS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS);
    let builder = builder.and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_size".into()), &SIZES));
    let recorder = builder.expect("the bounds are not empty").build_recorder();
    let handle = recorder.handle();
    // An error says that another recorder was installed first: then /metrics shows nothing, and work goes on.
    let _ = metrics::set_global_recorder(recorder);
    // What histograms record is kept until it is gathered: without a scrape it would be kept for ever.
    let gathered = handle.clone();
    let upkeep = std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            #[expect(clippy::disallowed_methods, reason = "a thread of its own, which outlives every runtime")]
            std::thread::sleep(UPKEEP);
            gathered.run_upkeep();
        }
    });
    // Without the thread a scrape gathers as well.
    drop(upkeep);
    handle
});

static TRACES: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Installs the recorder of metrics, once a process.
pub fn install_metrics() {
    LazyLock::force(&PROMETHEUS);
}

/// See [`lines`].
static LINES: AtomicU64 = AtomicU64::new(0);

/// The metrics as Prometheus reads them.
pub fn render_metrics() -> String {
    PROMETHEUS.run_upkeep();
    PROMETHEUS.render()
}

/// Installs logs, metrics and traces, once a process; needs a Tokio runtime where traces are on.
pub fn install(service: &'static str, version: &'static str, platform: &Platform) -> Result<(), ConfigError> {
    crate::install_tls();
    install_metrics();
    // A look for a queue that is not there is an answer to us, and an error to lapin. Whoever wants it names it.
    let filter = |what: &str| {
        EnvFilter::try_new(format!("lapin::channel=off,{what}"))
            .map_err(|e| ConfigError(format!("the setting `log`: {e}")))
    };
    let traces = tracer(service, version, platform)?;
    // Spans that carry a trace are made at `info` whatever the logs show.
    let traces = traces.map(|t| tracing_opentelemetry::layer().with_tracer(t).with_filter(spans_of_ours()));
    let logs = logs(&platform.log_format)?.with_filter(filter(&platform.log)?);
    // What is counted does not depend on what is shown.
    let counted = Counted::new().with_filter(filter("warn")?);
    let installed = tracing_subscriber::registry().with(logs).with(counted).with(traces).try_init();
    installed.map_err(|e| ConfigError(format!("logs are installed twice: {e}")))?;
    count_panics();
    Ok(())
}

/// Counts the warnings and errors that are logged, so that alarms on logs need nothing but this process' metrics.
struct Counted {
    errors: Counter,
    warnings: Counter,
}

impl Counted {
    /// From zero: of a series that begins with its first line nobody sees that it rose.
    fn new() -> Self {
        let lines = |level| metrics::counter!("log_lines_total", "level" => level);
        Self { errors: lines("ERROR"), warnings: lines("WARN") }
    }
}

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match *event.metadata().level() {
            Level::ERROR => self.errors.increment(1),
            Level::WARN => self.warnings.increment(1),
            _ => {}
        }
    }
}

/// Counts each panic, caught or not: every one is a bug.
fn count_panics() {
    let panics = metrics::counter!("panics_total");
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        panics.increment(1);
        shown(panic);
    }));
}

/// Sends what is left of the traces; called once, at exit.
pub async fn flush() {
    let Some(provider) = TRACES.get().cloned() else { return };
    // The flush blocks on the exporter, which runs on this runtime.
    let flushed = tokio::task::spawn_blocking(move || provider.shutdown());
    if tokio::time::timeout(FLUSH_TIMEOUT, flushed).await.is_err() {
        tracing::warn!("traces could not be sent in time, some are lost");
    }
}

/// Whether traces are sent.
pub(crate) fn traces() -> bool {
    TRACES.get().is_some()
}

/// Where logs go; asked for once a line.
fn stderr() -> std::io::Stderr {
    LINES.fetch_add(1, Ordering::Relaxed);
    std::io::stderr()
}

/// Lines that this process has logged on standard error: who draws on the same terminal goes on below them.
pub fn lines() -> u64 {
    LINES.load(Ordering::Relaxed)
}

fn logs(format: &str) -> Result<Box<dyn Layer<Registry> + Send + Sync>, ConfigError> {
    let terminal = std::io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    match (format, terminal) {
        ("json", _) | ("auto", false) => Ok(layer.json().flatten_event(true).with_current_span(true).boxed()),
        ("pretty", _) | ("auto", true) => Ok(layer.with_ansi(terminal).with_target(false).compact().boxed()),
        _ => Err(ConfigError(format!("the setting `log_format` is `{format}`: expected json, pretty or auto"))),
    }
}

/// Only spans of this workspace: a client library's spans would multiply a trace's size and tell a user nothing. Without
/// those of messaging: a delivery's own span is its handler's, which continues the trace that the message carries.
fn spans_of_ours() -> EnvFilter {
    const CRATES: [&str; 8] =
        ["bootstrap", "entrypoint", "yaml_manager", "cluster_applier", "cluster", "status_worker", "ingest", "tally"];
    EnvFilter::new(CRATES.iter().fold("off".to_owned(), |all, name| format!("{all},{name}=info")))
}

fn tracer(service: &'static str, version: &'static str, platform: &Platform) -> Result<Option<SdkTracer>, ConfigError> {
    let standard = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_default();
    let base = if platform.otlp.is_empty() { &standard } else { &platform.otlp };
    if base.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", base.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .with_http_client(reqwest::Client::new())
        .build()
        .map_err(|e| ConfigError(format!("the setting `otlp`: {e}")))?;
    let resource = Resource::builder().with_service_name(service);
    let resource = resource.with_attribute(KeyValue::new("service.version", version)).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter, runtime::Tokio).build())
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("marea");
    let _ = TRACES.set(provider);
    Ok(Some(tracer))
}
