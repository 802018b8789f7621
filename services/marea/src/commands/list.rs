//! `list`: tasks, newest first.

use client::Client;
use domain::TaskStatus;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Done,
    cli::{Format, List},
    failure::Failure,
    progress,
    table::{Table, cell},
    time::age,
    ui::{Tone, Ui},
};

/// Tasks a request.
const PAGE: usize = 100;

pub async fn run(client: &Client, options: &List, ui: &mut Ui) -> Done {
    let (tasks, more) = read(client, options).await?;
    if ui.value(&json!({ "tasks": tasks }))? {
        return Ok(());
    }
    if ui.format == Format::Name {
        return Ok(tasks.iter().try_for_each(|task| ui.line(&task.name))?);
    }
    if tasks.is_empty() {
        let program = ui.program.clone();
        return Ok(ui.line(format_args!("no tasks; send one: {program} apply -f DIR --wait"))?);
    }
    table(&tasks, ui.format == Format::Wide).print(ui)?;
    if more {
        let text = ui.paint(Tone::Dim, "there are more; all of them: --limit 0");
        ui.line(text)?;
    }
    Ok(())
}

/// The tasks, and whether there are more.
async fn read(client: &Client, options: &List) -> Result<(Vec<TaskStatus>, bool), Failure> {
    let wanted = if options.limit == 0 { usize::MAX } else { options.limit };
    let (mut tasks, mut cursor) = (Vec::new(), None);
    loop {
        let page = PAGE.min(wanted - tasks.len());
        let page = client.list(options.state, cursor.as_deref(), page).await?;
        tasks.extend(page.tasks);
        cursor = page.next;
        if cursor.is_none() || tasks.len() >= wanted {
            return Ok((tasks, cursor.is_some()));
        }
    }
}

fn table(tasks: &[TaskStatus], wide: bool) -> Table {
    let mut columns = vec!["NAME", "STATE", "HEALTH", "REVISION", "OBJECTS", "AGE"];
    if wide {
        columns.extend(["ID", "LIVE", "CREATED"]);
    }
    let mut table = Table::new(&columns);
    let now = Timestamp::now();
    for task in tasks {
        let mut row = vec![
            task.name.as_str().into(),
            cell(task.state, task.state.as_str()),
            cell(task.health, health(task)),
            task.desired_revision.to_string().into(),
            progress::healthy(&task.objects).replace(" healthy", "").into(),
            age(task.created, now).into(),
        ];
        if wide {
            let live = task.live_revision.map_or("-".to_owned(), |n| n.to_string());
            row.extend([task.id.to_string().into(), live.into(), task.created.to_string().into()]);
        }
        table.row(row);
    }
    table
}

/// A task's health in a word; nothing where it has no objects.
pub fn health(task: &TaskStatus) -> &'static str {
    match task.health {
        _ if task.objects.is_empty() => "-",
        domain::Health::Healthy => "healthy",
        domain::Health::Progressing => "progressing",
        domain::Health::Degraded => "degraded",
    }
}
