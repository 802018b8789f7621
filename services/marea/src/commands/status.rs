//! `status`: one task with its objects and problems.

use std::time::Duration;

use client::Client;
use domain::{TaskStatus, status::RevisionStatus};
use jiff::Timestamp;

use super::{PATIENCE, check, list, wait};
use crate::{
    Done,
    cli::{Format, List, Status},
    progress::Progress,
    table::{Table, cell},
    time::{age, elapsed},
    ui::{Tone, Ui},
};

/// How long one request waits for a change.
const POLL: Duration = Duration::from_secs(20);
/// Between two requests.
const PAUSE: Duration = Duration::from_millis(50);

pub async fn run(client: &Client, options: &Status, ui: &mut Ui) -> Done {
    let Some(task) = &options.task else {
        return list::run(client, &List { state: None, limit: 50 }, ui).await;
    };
    let status = client.status(task).await?;
    if options.watch {
        return watch(client, status, ui).await;
    }
    if options.why {
        let why = client.why(&status.id.to_string()).await?;
        if !ui.value(&why)? {
            ui.raw(&manifests::to_yaml(&why))?;
        }
        return Ok(());
    }
    if ui.value(&status)? {
        return Ok(());
    }
    match (ui.format, options.events) {
        (Format::Name, _) => Ok(ui.line(&status.name)?),
        (_, true) => events(&status, ui),
        _ => show(&status, ui),
    }
}

/// Each change as it happens, until the task's highest revision ends.
async fn watch(client: &Client, mut status: TaskStatus, ui: &mut Ui) -> Done {
    let client = client.clone().patient(PATIENCE);
    let id = status.id.to_string();
    let mut progress = Progress::new(status.desired_revision, None);
    let mut revision = status.desired_revision;
    loop {
        if revision != status.desired_revision {
            revision = status.desired_revision;
            progress = Progress::new(revision, None);
        }
        match ui.format {
            Format::Json => ui.line(serde_json::to_string(&status).map_err(std::io::Error::other)?)?,
            Format::Yaml => ui.raw("---\n").and_then(|()| ui.value(&status)).map(drop)?,
            _ => wait::tell(&mut progress, &status, ui)?,
        }
        if wait::ended(&status, revision).is_some() {
            return Ok(());
        }
        let version = status.version;
        while status.version == version {
            let (answer, ()) = tokio::join!(client.status_after(&id, version, POLL), tokio::time::sleep(PAUSE));
            status = answer?;
        }
    }
}

/// Its way, step by step, of all revisions.
fn events(status: &TaskStatus, ui: &mut Ui) -> Done {
    let mut table = Table::new(&["REVISION", "AFTER", "STATE", "EVENT", "TIME"]);
    for revision in status.revisions.iter().rev() {
        let start = revision.transitions.first().map_or(status.created, |t| t.time);
        for step in &revision.transitions {
            table.row(vec![
                revision.revision.to_string().into(),
                elapsed(step.time.duration_since(start)).into(),
                cell(step.state, step.state.as_str()),
                step.event.as_str().into(),
                step.time.to_string().into(),
            ]);
        }
    }
    Ok(table.print(ui)?)
}

fn show(status: &TaskStatus, ui: &mut Ui) -> Done {
    let wide = ui.format == Format::Wide;
    head(status, ui)?;
    if !status.objects.is_empty() {
        ui.line("")?;
        objects(status, wide).print(ui)?;
    }
    if !status.kept.is_empty() {
        let kept = status.kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        ui.line(format_args!("\nkept: {kept}"))?;
    }
    if let Some(revision) = status.revisions.first() {
        notes(revision, wide, ui)?;
    }
    Ok(())
}

fn head(status: &TaskStatus, ui: &mut Ui) -> Done {
    let state = ui.paint(Tone::from(status.state), status.state.as_str());
    let health = ui.paint(Tone::from(status.health), list::health(status));
    let live = match status.live_revision {
        Some(live) if live != status.desired_revision => format!(", live: {live}"),
        _ => String::new(),
    };
    let since = age(since(status), Timestamp::now());
    ui.line(format_args!("task      {} ({})", status.name, status.id))?;
    ui.line(format_args!("state     {state} since {since}"))?;
    ui.line(format_args!("health    {health}"))?;
    ui.line(format_args!("revision  {}{live}", status.desired_revision))?;
    Ok(())
}

/// When the task came into its state. Facts of health come later, and change nothing of it.
fn since(status: &TaskStatus) -> Timestamp {
    let own = status.revisions.iter().find(|r| r.revision == status.desired_revision);
    let transitions = own.map_or(&[][..], |revision| &revision.transitions);
    let same = transitions.iter().rev().take_while(|step| step.state == status.state);
    same.last().map_or(status.updated, |step| step.time)
}

fn objects(status: &TaskStatus, wide: bool) -> Table {
    let mut columns = vec!["OBJECT", "HEALTH", "REASON", "SINCE", "MESSAGE"];
    if wide {
        columns.insert(0, "NAMESPACE");
    }
    let mut table = Table::new(&columns);
    let now = Timestamp::now();
    for object in &status.objects {
        let health = format!("{:?}", object.health).to_lowercase();
        let mut row = vec![
            object.object.to_string().into(),
            cell(object.health, health),
            or_dash(&object.reason).into(),
            object.since.map_or("-".to_owned(), |since| age(since, now)).into(),
            object.message.as_str().into(),
        ];
        if wide {
            row.insert(0, object.object.namespace.as_str().into());
        }
        table.row(row);
    }
    table
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Errors always; warnings and what was added on a wide screen.
fn notes(revision: &RevisionStatus, wide: bool, ui: &mut Ui) -> Done {
    let shown = revision.problems.iter().filter(|p| wide || p.is_error());
    for (index, problem) in shown.enumerate() {
        let line = check::line(problem, ui);
        let gap = if index == 0 { "\n" } else { "" };
        ui.line(format_args!("{gap}{line}"))?;
    }
    if wide && !revision.added.is_empty() {
        ui.line(format_args!("\nadded: {}", revision.added.join("; ")))?;
    }
    let warnings = revision.problems.iter().filter(|p| !p.is_error()).count();
    if !wide && warnings > 0 {
        let text = format!("\n{}; see them: -o wide", crate::progress::count(warnings, "warning"));
        let text = ui.paint(Tone::Dim, text);
        ui.line(text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{Fact, FactBody, Health, TaskId, TaskName, fact::CommandKind, status::fold};

    use super::*;

    #[test]
    fn a_state_lasts_since_it_began_whatever_health_does() {
        let task = TaskId::new();
        let at = |seconds: i64| Timestamp::from_second(1_790_000_000 + seconds).expect("in range");
        let fact = |seconds, body| Fact {
            tenant: "local".parse().expect("a label"),
            task,
            name: TaskName::generated(task),
            revision: 1,
            time: at(seconds),
            body,
        };
        let applied = FactBody::Applied { observed: 1, objects: vec![], kept: vec![], warnings: vec![] };
        let mut facts =
            vec![fact(0, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }), fact(5, applied)];
        assert_eq!(since(&fold(&facts).expect("facts")), at(5));
        facts.push(fact(900, FactBody::Progress { observed: 2, health: Health::Degraded, objects: vec![] }));
        let status = fold(&facts).expect("facts");
        assert_eq!((status.state, status.updated, since(&status)), (domain::State::Done, at(900), at(5)));
    }
}
