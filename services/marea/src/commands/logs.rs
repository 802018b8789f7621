//! `logs`: of a task's pods.

use client::{Client, Error, PodLogs};

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
    let Logs { task, object, container, tail, follow } = options;
    let wanted = PodLogs { object: object.as_deref(), container: container.as_deref(), tail: *tail, follow: *follow };
    let mut lines = client.logs(task, wanted).await.map_err(|error| absent(error, task))?;
    while let Some(line) = lines.next().await? {
        ui.line(tame(&line))?;
    }
    Ok(())
}

/// The task may be there, and not the object.
fn absent(error: Error, task: &str) -> Failure {
    let of_an_object = matches!(&error, Error::Refused(refusal) if refusal.status == 404 && !refusal.errors.is_empty());
    let failure = Failure::from(error);
    if of_an_object { failure.hint(format_args!("see its objects with `{{marea}} status {task}`")) } else { failure }
}
