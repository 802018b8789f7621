//! The end: drains, and says what it waits for.

use std::time::Duration;

use bootstrap::shutdown::Signals;

use super::services::Running;
use crate::{Done, failure::Failure};

/// How often it is said what is waited for.
const SAY: Duration = Duration::from_secs(2);

/// Waits until every service has ended what it runs, for so many seconds; a second signal aborts.
pub async fn drain(mut running: Running, signals: &Signals, seconds: u64) -> Done {
    eprintln!("stopping: taking no more work, ending what runs (again Ctrl-C: abort)");
    let deadline = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            ended = running.ended() => return ended,
            () = signals.abort.cancelled() => return Err(left("aborted", running.names())),
            () = &mut deadline => return Err(left(&format!("not ended in {seconds} s"), running.names())),
            () = tokio::time::sleep(SAY) => eprintln!("waiting for {}", running.names().join(", ")),
        }
    }
}

fn left(why: &str, names: Vec<&str>) -> Failure {
    Failure::failed(format!("{why}; still running: {}", names.join(", ")))
        .hint("what was accepted is kept and goes on at the next start")
}
