//! `check`: the server's own code on this computer.

use domain::{Problem, Rendered, TaskId, Tenant};
use manifests::{check_syntax, render};
use serde_json::json;

use super::diff;
use crate::{
    Done,
    cli::{Check, Format},
    failure::Failure,
    progress::count,
    sources::Sources,
    ui::{Tone, Ui, tame},
};

/// What the server would say of files.
pub struct Checked {
    /// Errors and warnings; files named as the user would open them.
    pub problems: Vec<Problem>,
    /// What would be applied; none where there is an error.
    pub rendered: Option<Rendered>,
}

impl Checked {
    /// How many objects would be applied.
    pub fn objects(&self) -> usize {
        self.rendered.as_ref().map_or(0, |r| r.objects.len())
    }
}

/// Checks files as the server does for that tenant.
pub fn check(sources: &Sources, tenant: &Tenant, defaults: bool) -> Checked {
    let mut problems = sources.problems.clone();
    if !sources.files.is_empty() || problems.is_empty() {
        problems.extend(check_syntax(&sources.files));
    }
    let mut rendered = None;
    if !problems.iter().any(Problem::is_error) {
        let rendering = render(&sources.files, tenant, nobody(), defaults);
        problems = rendering.problems;
        rendered = rendering.rendered;
    }
    Checked { problems: problems.into_iter().map(|p| sources.locate(p)).collect(), rendered }
}

/// How many objects files give for that tenant, where they can be applied.
pub fn objects(files: &[domain::SourceFile], tenant: &Tenant) -> Option<usize> {
    render(files, tenant, nobody(), true).rendered.map(|rendered| rendered.objects.len())
}

/// The id of a task that is never sent: always the same, so that what is printed is the same.
fn nobody() -> TaskId {
    "00000000-0000-7000-8000-000000000000".parse().expect("it is a UUID with hyphens")
}

pub fn run(options: &Check, ui: &mut Ui) -> Done {
    let sources = Sources::read(&options.files, options.recursive)?;
    let tenant = Tenant { policy: options.policy.into(), ..Tenant::local() };
    let checked = check(&sources, &tenant, !options.no_defaults);
    let errors = checked.problems.iter().filter(|p| p.is_error()).count();
    let added = options.diff.then(|| added(&sources, &tenant, &checked)).flatten();
    if matches!(ui.format, Format::Json | Format::Yaml) {
        let objects = checked.objects();
        ui.value(&json!({ "ok": errors == 0, "objects": objects, "problems": checked.problems, "diff": added }))?;
    } else {
        show(&checked, added.as_deref(), sources.files.len(), ui)?;
    }
    if errors == 0 { Ok(()) } else { Err(Failure::told()) }
}

/// What defaulting adds, as a unified diff.
fn added(sources: &Sources, tenant: &Tenant, checked: &Checked) -> Option<String> {
    let plain = check(sources, tenant, false).rendered?;
    Some(diff::text(&diff::rendered(&plain, checked.rendered.as_ref()?)))
}

fn show(checked: &Checked, added: Option<&str>, files: usize, ui: &mut Ui) -> Done {
    for problem in &checked.problems {
        let line = line(problem, ui);
        ui.line(line)?;
    }
    if let Some(added) = added {
        diff::print(added, ui)?;
    }
    let errors = checked.problems.iter().filter(|p| p.is_error()).count();
    let warnings = checked.problems.len() - errors;
    let counted = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    let read = format!("{}, {}", count(files, "file"), count(checked.objects(), "object"));
    match errors {
        0 => ui.line(format_args!("{}: {read}; {counted}", ui.paint(Tone::Good, "ok")))?,
        _ => ui.line(format_args!("{}: {}; {counted}", ui.paint(Tone::Bad, "refused"), count(files, "file")))?,
    }
    Ok(())
}

/// A problem in one line, as compilers write it, so that editors can jump to it.
pub fn line(problem: &Problem, ui: &Ui) -> String {
    let text = tame(&problem.to_string());
    let (word, tone) = if problem.is_error() { ("error:", Tone::Bad) } else { ("warning:", Tone::Busy) };
    text.replacen(word, &ui.paint(tone, word), 1)
}
