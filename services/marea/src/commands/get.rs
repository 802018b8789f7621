//! `get`: the manifests of a task.

use client::{Client, Form};
use domain::{Rendered, SourceFile};
use serde_json::Value;

use super::check;
use crate::{
    Done,
    cli::{Format, Get},
    failure::Failure,
    ui::Ui,
};

pub async fn run(client: &Client, options: &Get, ui: &mut Ui) -> Done {
    let form = match (options.rendered, options.report) {
        (true, _) => Form::Rendered,
        (_, true) => Form::Report,
        _ => Form::Source,
    };
    let value = client.revision(&options.task, options.revision, form).await?;
    if ui.value(&value)? {
        return Ok(());
    }
    match form {
        Form::Rendered => objects(&parse_rendered(value)?, ui),
        Form::Source => files(&value, ui),
        Form::Report => report(value, ui),
    }
}

/// A rendered revision, out of the server's answer.
fn parse_rendered(value: Value) -> Result<Rendered, Failure> {
    serde_json::from_value(value).map_err(|e| unexpected("rendered", &e))
}

fn unexpected(form: &str, error: &serde_json::Error) -> Failure {
    Failure::failed(format!("the server's answer of form `{form}` is not as expected: {error}"))
        .hint("compare `{marea} version` with the server's: `{marea} doctor`")
}

fn objects(rendered: &Rendered, ui: &mut Ui) -> Done {
    for object in &rendered.objects {
        let text = match ui.format {
            Format::Name => format!("{}\n", name_of(&object.manifest)),
            _ => format!("---\n{}", manifests::to_yaml(&object.manifest)),
        };
        ui.raw(&text)?;
    }
    Ok(())
}

/// `Kind/name` of a manifest.
fn name_of(manifest: &Value) -> String {
    let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

/// The files as sent: one as it is, several each under its name.
fn files(value: &Value, ui: &mut Ui) -> Done {
    let sources = value.get("files").unwrap_or(value).clone();
    let files: Vec<SourceFile> = serde_json::from_value(sources).map_err(|e| unexpected("source", &e))?;
    for file in &files {
        let end = if file.content.ends_with('\n') { "" } else { "\n" };
        let text = match (ui.format, files.len()) {
            (Format::Name, _) => format!("{}\n", file.name),
            (_, 1) => format!("{}{end}", file.content),
            _ if file.content.starts_with("---") => format!("# {}\n{}{end}", file.name, file.content),
            _ => format!("---\n# {}\n{}{end}", file.name, file.content),
        };
        ui.raw(&text)?;
    }
    Ok(())
}

fn report(value: Value, ui: &mut Ui) -> Done {
    let report: domain::record::Report = serde_json::from_value(value).map_err(|e| unexpected("report", &e))?;
    for problem in &report.problems {
        let line = check::line(problem, ui);
        ui.line(line)?;
    }
    Ok(ui.line(if report.rejected { "rejected" } else { "accepted" })?)
}
