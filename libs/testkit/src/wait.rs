//! Awaiting a condition instead of sleeping.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Between two probes: short against what servers need to start, long against what a probe costs.
const PAUSE: Duration = Duration::from_millis(25);

/// Probes until the answer is `Ok`, and gives it.
///
/// # Errors
/// After `within`, in words: what was awaited and the last probe's error.
pub async fn until<T, E, F>(what: &str, within: Duration, mut probe: impl FnMut() -> F) -> Result<T, String>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + within;
    let mut last = "the first probe did not answer".to_owned();
    loop {
        match timeout_at(deadline, probe()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => return Err(format!("{what}: not within {within:?}; {last}")),
        }
        if Instant::now() >= deadline {
            return Err(format!("{what}: not within {within:?}; {last}"));
        }
        sleep(PAUSE).await;
    }
}
