//! Requests, counted and timed by method, path and status.

use std::{collections::HashMap, time::Duration};

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

use crate::telemetry;

/// A method of [`known`], and a status.
type Labels = (&'static str, u16);

/// The meters of every path, kept: to ask the registry for them by their labels costs more than to count.
#[derive(Debug, Default)]
pub(crate) struct Meters(RwLock<HashMap<String, HashMap<Labels, Meter>>>);

#[derive(Clone)]
struct Meter {
    requests: Counter,
    seconds: Histogram,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Meters {
    /// Counts a request to a route's path.
    pub(crate) fn record(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let labels = (known(method), status.as_u16());
        let kept = self.0.read().get(path).and_then(|meters| meters.get(&labels)).cloned();
        let meter = kept.unwrap_or_else(|| self.add(path, labels));
        meter.requests.increment(1);
        meter.seconds.record(took);
    }

    fn add(&self, path: &str, labels: Labels) -> Meter {
        // What is registered before the recorder is there counts nowhere, and would be kept.
        telemetry::install_metrics();
        let meter = Meter::new(path, labels);
        self.0.write().entry(path.to_owned()).or_default().insert(labels, meter.clone());
        meter
    }
}

impl Meter {
    fn new(path: &str, (method, status): Labels) -> Self {
        let labels = [("method", method.to_owned()), ("path", path.to_owned()), ("status", status.to_string())];
        Self {
            requests: metrics::counter!("http_requests_total", &labels),
            seconds: metrics::histogram!("http_request_duration_seconds", &labels),
        }
    }
}

/// A client may send any word as its method: labels stay bounded.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}
