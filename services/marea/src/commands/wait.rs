//! Waiting for the end of a command, and telling each step.

use std::time::Duration;

use client::{Accepted, Client};
use domain::{Revision, State, TaskStatus, status::RevisionStatus};
use tokio::time::Instant;

use super::{PATIENCE, check};
use crate::{
    Done,
    cli::Format,
    failure::{Exit, Failure},
    progress::Progress,
    ui::{Tone, Ui},
};

/// How long one request waits for a change.
const POLL: Duration = Duration::from_secs(20);

/// What to wait for.
pub struct Wait<'a> {
    /// The command.
    pub accepted: &'a Accepted,
    /// How many objects were sent, where known.
    pub objects: Option<usize>,
    /// How long.
    pub timeout: Duration,
}

/// Waits for the end of a command.
pub async fn run(client: &Client, what: &Wait<'_>, ui: &mut Ui) -> Done {
    let client = client.clone().patient(PATIENCE);
    let (accepted, until) = (what.accepted, Instant::now() + what.timeout);
    let id = accepted.id.to_string();
    let mut progress = Progress::new(accepted.revision, what.objects);
    let mut status = client.status(&id).await?;
    loop {
        tell(&mut progress, &status, ui)?;
        if let Some(end) = ended(&status, accepted.revision) {
            return finish(&status, end, ui);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out(&status, what.timeout));
        }
        status = next(&client, &id, status, left).await?;
    }
}

async fn next(client: &Client, id: &str, last: TaskStatus, left: Duration) -> Result<TaskStatus, Failure> {
    let wait = POLL.min(left);
    // A server that does not hold the request open must not be asked in a tight loop.
    let (answer, ()) = tokio::join!(client.status_after(id, last.version, wait), tokio::time::sleep(PAUSE));
    Ok(answer?)
}

/// Between two requests: a change within it is told a moment later.
const PAUSE: Duration = Duration::from_millis(50);

/// Tells what is new, where a person reads.
pub fn tell(progress: &mut Progress, status: &TaskStatus, ui: &mut Ui) -> Result<(), Failure> {
    let lines = progress.lines(status);
    if matches!(ui.format, Format::Table | Format::Wide) {
        for line in lines {
            let mut shown = line.show(ui);
            if line.subject == State::Done.as_str() {
                let undo = format!("    (undo: {} delete {})", ui.program, status.name);
                shown.push_str(&ui.paint(Tone::Dim, undo));
            }
            ui.line(shown)?;
        }
    }
    Ok(())
}

/// Where a command stands that will not go on by itself. A higher command that is not accepted yet ends nothing:
/// while it is judged, and when it is rejected, this one goes on.
pub fn ended(status: &TaskStatus, revision: Revision) -> Option<&RevisionStatus> {
    let own = status.revisions.iter().find(|r| r.revision == revision)?;
    (own.state.is_final() || own.state == State::RollbackBlocked).then_some(own)
}

fn finish(status: &TaskStatus, end: &RevisionStatus, ui: &mut Ui) -> Done {
    if !ui.value(status)? && ui.format == Format::Name {
        ui.line(&status.name)?;
    }
    for problem in &end.problems {
        eprintln!("{}", check::line(problem, ui));
    }
    let name = &status.name;
    match (end.state, end.superseded_by) {
        (State::Done | State::RolledBack, _) => Ok(()),
        (_, Some(other)) => Err(Failure::failed(format!("revision {other} came instead"))
            .hint(format_args!("{{marea}} status {name} --watch"))),
        (state, None) => Err(Failure::failed(format!("task {name} revision {} is {}", end.revision, state.as_str()))
            .hint(format_args!("{{marea}} status {name} --events, {{marea}} logs {name}"))),
    }
}

fn timed_out(status: &TaskStatus, timeout: Duration) -> Failure {
    let message =
        format!("task {} is still {} after {} s; it goes on", status.name, status.state.as_str(), timeout.as_secs());
    Failure::new(Exit::TimedOut, message).hint(format_args!("{{marea}} status {} --watch", status.name))
}
