//! `diff`: what applying files would change.

use std::collections::BTreeMap;

use client::{Change, Client, Plan, Upload};
use domain::{ObjectRef, Rendered, State};
use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::{check, patient};
use crate::{
    Done,
    cli::{Diff, Format},
    failure::Failure,
    sources::Sources,
    ui::{Tone, Ui, tame},
};

/// Lines around a change.
const CONTEXT: usize = 3;

pub async fn run(client: &Client, options: Diff, ui: &mut Ui) -> Done {
    let exit_code = options.exit_code;
    let differs = match (options.revision, &options.name) {
        (Some(revision), Some(name)) => between(client, name, revision, ui).await?,
        _ => against(client, options, ui).await?,
    };
    if exit_code && differs { Err(Failure::told()) } else { Ok(()) }
}

/// An earlier revision against the highest. Whether they differ.
async fn between(client: &Client, task: &str, revision: u32, ui: &mut Ui) -> Result<bool, Failure> {
    let old = client.rendered(task, Some(revision)).await?;
    let new = client.rendered(task, None).await?;
    let objects = rendered(&old, &new);
    if !ui.value(&json!({ "objects": objects }))? {
        match ui.format {
            Format::Name => objects.iter().try_for_each(|one| ui.line(&one.object))?,
            _ if objects.is_empty() => eprintln!("revision {revision} and the highest one are the same"),
            _ => print(&text(&objects), ui)?,
        }
    }
    Ok(!objects.is_empty())
}

/// What is in the cluster against what would be there. Whether they differ.
async fn against(client: &Client, options: Diff, ui: &mut Ui) -> Result<bool, Failure> {
    let mut sources = Sources::read(&options.files, options.recursive)?;
    let name = options.name.or(sources.name.take().map(String::from));
    let live = match &name {
        Some(name) => patient(client, name).await?.1.filter(|task| task.state != State::RolledBack),
        None => None,
    };
    let id = live.map(|task| task.id.to_string());
    let files = std::mem::take(&mut sources.files);
    let upload = Upload { files, running: options.how.into(), ..Upload::default() };
    let mut plan = client.plan(id.as_deref(), &upload).await?;
    plan.problems = plan.problems.into_iter().map(|p| sources.locate(p)).collect();
    show_plan(&plan, ui)?;
    Ok(plan.objects.iter().any(changes))
}

fn changes(object: &Change) -> bool {
    !matches!(object.change.as_str(), "unchanged" | "keep")
}

/// What a dry run says, as a person reads it. Fails where it would fail.
pub fn show_plan(plan: &Plan, ui: &mut Ui) -> Done {
    if ui.format == Format::Name {
        plan.objects.iter().filter(|c| changes(c)).try_for_each(|change| ui.line(&change.object))?;
    } else if !ui.value(plan)? {
        plan.objects.iter().try_for_each(|change| one(change, ui))?;
        for problem in &plan.problems {
            let line = check::line(problem, ui);
            ui.line(line)?;
        }
    }
    if plan.problems.iter().any(domain::Problem::is_error) { Err(Failure::told()) } else { Ok(()) }
}

fn one(change: &Change, ui: &mut Ui) -> Done {
    let (mark, tone) = match change.change.as_str() {
        "create" => ("+", Tone::Good),
        "delete" => ("-", Tone::Bad),
        "unchanged" | "keep" => (" ", Tone::Dim),
        _ => ("~", Tone::Busy),
    };
    let head = format!("{mark} {:<9} {}  {}", change.change, change.object, change.object.namespace);
    let head = ui.paint(tone, tame(head.trim_end()));
    ui.line(head)?;
    // What is made or deleted is so in whole.
    let fields = if tone == Tone::Busy { change.fields.as_slice() } else { &[] };
    for field in fields {
        let value = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), Value::to_string);
        let line = format!("    {}: {} → {}", field.field, value(&field.from), value(&field.to));
        ui.line(tame(&line))?;
    }
    Ok(())
}

/// One object that differs between two revisions.
#[derive(Debug, Serialize)]
pub struct Differs {
    #[serde(flatten)]
    object: ObjectRef,
    /// The unified diff of its manifests.
    diff: String,
}

/// What differs between two rendered revisions.
pub fn rendered(old: &Rendered, new: &Rendered) -> Vec<Differs> {
    let (old, new) = (by_name(old), by_name(new));
    let names = old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>();
    let diff = |name| object(name, old.get(name), new.get(name));
    let differs = names.into_iter().map(|name| Differs { object: name.clone(), diff: diff(name) });
    differs.filter(|one| !one.diff.is_empty()).collect()
}

/// The same as one unified diff.
pub fn text(objects: &[Differs]) -> String {
    objects.iter().map(|one| one.diff.as_str()).collect()
}

fn by_name(rendered: &Rendered) -> BTreeMap<ObjectRef, String> {
    let one = |o: &domain::record::RenderedObject| (reference(&o.manifest), manifests::to_yaml(&o.manifest));
    rendered.objects.iter().map(one).collect()
}

fn reference(manifest: &Value) -> ObjectRef {
    let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    ObjectRef {
        namespace: text("/metadata/namespace"),
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        name: text("/metadata/name"),
    }
}

fn object(name: &ObjectRef, old: Option<&String>, new: Option<&String>) -> String {
    let (before, after) = (old.map_or("", String::as_str), new.map_or("", String::as_str));
    if before == after {
        return String::new();
    }
    let side = |text: Option<&String>| if text.is_some() { name.to_string() } else { "/dev/null".to_owned() };
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(CONTEXT).header(&side(old), &side(new)).to_string()
}

/// Prints a unified diff, coloured on a terminal.
pub fn print(text: &str, ui: &mut Ui) -> Done {
    for line in text.lines() {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Dim,
            _ => Tone::Plain,
        };
        let line = ui.paint(tone, tame(line));
        ui.line(line)?;
    }
    Ok(())
}
