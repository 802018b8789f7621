//! `delete`: rolls tasks back.

use client::Client;
use domain::State;

use super::{patient, wait};
use crate::{
    Done,
    cli::{Delete, Format},
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
        return said(ui, &format!("task {name} is rolled back already"));
    }
    let accepted = client.delete(&status.id.to_string()).await?;
    if options.waiting.wait {
        let what = wait::Wait { accepted: &accepted, objects: None, timeout: options.waiting.timeout };
        return wait::run(&client, &what, ui).await;
    }
    if ui.value(&accepted)? {
        return Ok(());
    }
    let state = ui.paint(Tone::from(accepted.state), accepted.state.as_str());
    said(ui, &format!("task {name} ({}) revision {} {state}", accepted.id, accepted.revision))
}

fn said(ui: &mut Ui, text: &str) -> Done {
    match ui.format {
        Format::Table | Format::Wide => Ok(ui.line(text)?),
        _ => Ok(()),
    }
}
