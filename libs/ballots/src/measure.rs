//! Measures every operation: seconds and outcome.

use std::time::Instant;

use crate::Error;

/// A histogram in seconds, by `operation` and `outcome` (`ok`, `unavailable`).
const SECONDS: &str = "marea_ballots_operation_seconds";

pub(crate) async fn measured<T>(
    operation: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let began = Instant::now();
    let result = work.await;
    let outcome = if result.is_ok() { "ok" } else { "unavailable" };
    metrics::histogram!(SECONDS, "operation" => operation, "outcome" => outcome).record(began.elapsed());
    result
}
