//! What is measured of batches. Handles are kept: to look one up by its labels costs more than to count.

use metrics::{Counter, Histogram};

/// Meters of all lanes.
pub struct Meters {
    pub(super) accepted: Counter,
    pub(super) unknown: Counter,
    pub(super) not_accepted: Counter,
    pub(super) republished: Counter,
    pub(super) confirm_seconds: Histogram,
    batches: Histogram,
    bytes: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        // What is registered before the recorder is there counts nowhere.
        bootstrap::telemetry::install_metrics();
        let ballots = |outcome: &'static str| metrics::counter!("ingest_ballots_total", "outcome" => outcome);
        Self {
            accepted: ballots("accepted"),
            unknown: ballots("unknown"),
            not_accepted: ballots("not_accepted"),
            republished: metrics::counter!("ingest_batches_republished_total"),
            confirm_seconds: metrics::histogram!("ingest_confirm_seconds"),
            batches: metrics::histogram!("ingest_batch_size"),
            bytes: metrics::counter!("ingest_batch_bytes_total"),
        }
    }
}

impl Meters {
    pub(super) fn batch(&self, ballots: u32, bytes: usize) {
        self.batches.record(f64::from(ballots));
        self.bytes.increment(bytes as u64);
    }

    /// Ballots that are not good, by the code of what is wrong.
    pub fn rejected(&self, code: &'static str) {
        metrics::counter!("ingest_rejections_total", "reason" => code).increment(1);
    }

    /// Gauges, set from time to time.
    pub fn gauges(&self, flow: &super::Flow, unconfirmed: u64) {
        #[expect(clippy::cast_precision_loss, reason = "gauges are f64")]
        {
            metrics::gauge!("ingest_in_flight_bytes").set(flow.bytes() as f64);
            metrics::gauge!("ingest_arriving_bytes").set(flow.arriving() as f64);
            metrics::gauge!("ingest_overdue_batches").set(flow.overdue() as f64);
            metrics::gauge!("ingest_unconfirmed_batches").set(unconfirmed as f64);
        }
    }
}
