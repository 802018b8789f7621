//! `delete`: rolls tasks back.

use std::collections::BTreeMap;

use client::{Accepted, Client};
use domain::{State, TaskStatus};

use super::{patient, wait};
use crate::{
    Done,
    cli::Delete,
    failure::{Exit, Failure},
    ui::{Tone, Ui},
};

/// Every task is tried; the first failure is what the command ends with.
pub async fn run(client: &Client, options: &Delete, ui: &mut Ui) -> Done {
    let mut first = None;
    for task in &options.tasks {
        if let Err(failure) = delete(client, task, options, ui).await {
            match first {
                None => first = Some(failure),
                Some(_) => drop(failure.report(&ui.program)),
            }
        }
    }
    first.map_or(Ok(()), Err)
}

async fn delete(client: &Client, task: &str, options: &Delete, ui: &mut Ui) -> Done {
    let (client, found) = patient(client, task).await?;
    let Some(status) = found else {
        return Err(Failure::new(Exit::Failed, format!("there is no task `{task}`")).hint("see them: {marea} list"));
    };
    let name = &status.name;
    if status.state == State::RolledBack {
        return Ok(ui.done(&as_accepted(&status), name, format_args!("task {name} is rolled back already"))?);
    }
    let accepted = client.delete(&status.id.to_string()).await?;
    if options.waiting.wait {
        let what = wait::Wait { accepted: &accepted, objects: None, timeout: options.waiting.timeout };
        return wait::run(&client, &what, ui).await;
    }
    let state = ui.paint(Tone::from(accepted.state), accepted.state.as_str());
    let told = format!("task {name} ({}) revision {} {state}", accepted.id, accepted.revision);
    Ok(ui.done(&accepted, name, told)?)
}

/// What the server would answer again to the command that rolled the task back.
fn as_accepted(status: &TaskStatus) -> Accepted {
    let (id, name, revision, state) = (status.id, status.name.clone(), status.desired_revision, status.state);
    Accepted { id, name, revision, state, links: BTreeMap::new() }
}
