//! The end: drains, and says what it waits for.

use std::time::Duration;

use bootstrap::shutdown::Signals;

use super::services::Running;
use crate::{Done, failure::Failure};

/// How often it is said what is waited for.
const SAY: Duration = Duration::from_secs(2);
/// How long a drain may take: above the longest poll that the server cuts when it stops.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until every service has ended what it runs; a second signal aborts.
pub async fn drain(mut running: Running, signals: &Signals) -> Done {
    eprintln!("stopping: taking no more work, ending what runs (again Ctrl-C: abort)");
    let deadline = tokio::time::sleep(DEADLINE);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            ended = running.ended() => return ended,
            () = signals.abort.cancelled() => return Err(left("aborted", running.names())),
            () = &mut deadline => return Err(left("not ended in 30 s", running.names())),
            () = tokio::time::sleep(SAY) => eprintln!("waiting for {}", running.names().join(", ")),
        }
    }
}

fn left(why: &str, names: Vec<&str>) -> Failure {
    Failure::failed(format!("{why}; still running: {}", names.join(", ")))
        .hint("what was accepted is kept and goes on at the next start")
}
