//! Requests that cast ballots, counted by status.

use http::StatusCode;
use metrics::Counter;

/// The path as it stands in the labels of all routes of ballots.
const PATH: &str = "/contests/{contest}/ballots";

/// Counts requests; the usual answer's handle is kept.
pub struct Requests {
    accepted: Counter,
}

impl Default for Requests {
    fn default() -> Self {
        Self { accepted: counter(StatusCode::ACCEPTED) }
    }
}

impl Requests {
    /// Counts an answer.
    pub fn count(&self, status: StatusCode) {
        if status == StatusCode::ACCEPTED {
            self.accepted.increment(1);
        } else {
            counter(status).increment(1);
        }
    }
}

fn counter(status: StatusCode) -> Counter {
    let status = status.as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => "POST", "path" => PATH, "status" => status)
}
