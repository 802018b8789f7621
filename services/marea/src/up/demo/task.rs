//! The sample task, sent as anybody would send it.

use std::time::Duration;

use client::{Client, Upload};
use domain::{SourceFile, State, TaskStatus, Tenant};

use crate::{
    Done,
    commands::{self, Wait},
    failure::Failure,
    ui::Ui,
};

/// The sample's name.
pub const NAME: &str = "swj-demo";
/// How long it may take; the simulated one takes seconds.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The sample's files and their text, embedded by the build script.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/sample.rs"));

/// Sends the sample and tells each step.
pub async fn run(client: &Client, ui: &mut Ui) -> Done {
    let upload = Upload { files: files(), name: NAME.parse().ok(), ..Upload::default() };
    let objects = commands::objects(&upload.files, &Tenant::local());
    let accepted = match existing(client).await? {
        Some(task) => client.replace(&task.id.to_string(), &upload).await?,
        None => client.submit(&upload).await?,
    };
    let id = accepted.id.suffix();
    let end = id.get(id.len().saturating_sub(4)..).unwrap_or_default();
    let program = ui.program.clone();
    ui.line(format_args!("Task {NAME} (…{end}), as by: {program} apply --name {NAME} -f docs/samples/swj --wait"))?;
    commands::wait(client, &Wait { accepted: &accepted, objects, timeout: TIMEOUT }, ui).await
}

async fn existing(client: &Client) -> Result<Option<TaskStatus>, Failure> {
    match client.status(NAME).await {
        Ok(task) => Ok(Some(task).filter(|task| task.state != State::RolledBack)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn files() -> Vec<SourceFile> {
    FILES.iter().map(|(name, text)| SourceFile { name: (*name).to_owned(), content: (*text).to_owned() }).collect()
}
