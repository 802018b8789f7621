//! `logs`: of a task's pods.

use client::Client;

use crate::{
    Done,
    cli::Logs,
    failure::Failure,
    ui::{Ui, tame},
};

pub async fn run(client: &Client, options: &Logs, ui: &mut Ui) -> Done {
    if let Some(object) = options.object.as_deref().filter(|o| !o.contains('/')) {
        return Err(Failure::usage(format!(
            "`{object}` is not an object; expected Kind/name, for example Job/{object}"
        )));
    }
    let mut lines = client.logs(&options.task, options.object.as_deref(), options.follow).await?;
    while let Some(line) = lines.next().await? {
        ui.line(tame(&line))?;
    }
    Ok(())
}
