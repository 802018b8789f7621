//! `revert`: back to an earlier revision.

use client::Client;
use domain::{Revision, State, TaskStatus, fact::CommandKind};

use super::{patient, wait};
use crate::{
    Done,
    cli::Revert,
    failure::Failure,
    ui::{Tone, Ui},
};

pub async fn run(client: &Client, options: Revert, ui: &mut Ui) -> Done {
    let (client, found) = patient(client, &options.task).await?;
    let Some(status) = found else {
        return Err(Failure::failed(format!("there is no task `{}`", options.task)).hint("see them: {marea} list"));
    };
    let to = match options.to {
        Some(to) => to,
        None => before(&status).ok_or_else(|| nowhere(&status))?,
    };
    let accepted = client.revert(&status.id.to_string(), to, &options.how.into()).await?;
    if options.waiting.wait {
        let what = wait::Wait { accepted: &accepted, objects: None, timeout: options.waiting.timeout };
        return wait::run(&client, &what, ui).await;
    }
    let state = ui.paint(Tone::from(accepted.state), accepted.state.as_str());
    let told = format!("task {} revision {}, as revision {to}: {state}", accepted.name, accepted.revision);
    Ok(ui.done(&accepted, &accepted.name, told)?)
}

/// The newest revision before the highest that became healthy.
fn before(status: &TaskStatus) -> Option<Revision> {
    let earlier = status.revisions.iter().filter(|r| r.revision < status.desired_revision);
    earlier.filter(|r| r.command != CommandKind::RollBack && r.state == State::Done).map(|r| r.revision).next()
}

fn nowhere(status: &TaskStatus) -> Failure {
    let name = &status.name;
    Failure::failed(format!("task {name} has no earlier revision that was healthy"))
        .hint(format_args!("see its revisions with `{{marea}} status {name} --events` and name one: --to N"))
}
