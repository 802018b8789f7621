//! `apply`: checks here, sends, waits.

use client::{Accepted, Client, Upload};
use domain::{Problem, Revision, State, TaskName, Tenant, access::Policy};

use super::{check, diff, patient, wait};
use crate::{
    Done,
    cli::{Apply, Format},
    failure::Failure,
    sources::Sources,
    ui::{Tone, Ui},
};

pub async fn run(client: &Client, options: Apply, ui: &mut Ui) -> Done {
    let mut sources = Sources::read(&options.files, options.recursive)?;
    let objects = if options.no_check { None } else { Some(check_here(&sources, ui)?) };
    let name = options.name.or(sources.name.take());
    let (client, found) = match &name {
        Some(name) => patient(client, name.as_str()).await?,
        None => (client.clone(), None),
    };
    let live = found.filter(|task| task.state != State::RolledBack);
    let id = live.map(|task| task.id.to_string());
    if let (None, Some(revision)) = (&id, options.if_revision) {
        return Err(nothing_to_replace(name.as_ref(), revision));
    }
    let upload = Upload { files: sources.files, name, running: options.how.into(), if_match: options.if_revision };
    if options.dry_run {
        let plan = client.plan(id.as_deref(), &upload).await?;
        return diff::show_plan(&plan, ui);
    }
    let accepted = send(&client, id.as_deref(), &upload).await?;
    if !options.waiting.wait {
        return announce(&accepted, ui);
    }
    let what = wait::Wait { accepted: &accepted, objects, timeout: options.waiting.timeout };
    wait::run(&client, &what, ui).await
}

/// A name that is taken means that another sent the task since we asked: then it gets a new revision.
async fn send(client: &Client, id: Option<&str>, upload: &Upload) -> Result<Accepted, Failure> {
    if let Some(id) = id {
        return Ok(client.replace(id, upload).await?);
    }
    match (client.submit(upload).await, &upload.name) {
        (Err(error), Some(name)) if error.status() == Some(409) => {
            let task = client.status(name.as_str()).await.map_err(|_| error)?;
            Ok(client.replace(&task.id.to_string(), upload).await?)
        }
        (answer, _) => Ok(answer?),
    }
}

/// `--if-revision` never makes a task: whoever gives it means one that is there.
fn nothing_to_replace(name: Option<&TaskName>, revision: Revision) -> Failure {
    match name {
        None => Failure::usage("--if-revision needs the task's name: --name NAME"),
        Some(name) => Failure::failed(format!("there is no task `{name}` whose revision {revision} could be replaced"))
            .hint("see them with `{marea} list`; to send it as a new task, leave --if-revision out"),
    }
}

/// Checks what does not depend on the tenant, and gives the number of objects. Tells problems on stderr.
fn check_here(sources: &Sources, ui: &Ui) -> Result<usize, Failure> {
    let checked = check::check(sources, &most_allowed(), true);
    let errors: Vec<&Problem> = checked.problems.iter().filter(|p| p.is_error()).collect();
    if errors.is_empty() {
        return Ok(checked.objects());
    }
    for problem in &errors {
        eprintln!("{}", check::line(problem, ui));
    }
    Err(Failure::failed(format!("nothing was sent: {}", crate::progress::count(errors.len(), "problem")))
        .hint("see also `{marea} check`; to let only the server judge: --no-check"))
}

/// The tenant that is allowed most: what it is refused everybody is.
fn most_allowed() -> Tenant {
    use domain::access::Capability::{
        AnyIngressHost, ControlPlaneTolerations, ExternalIps, ExternalName, IngressSnippets, LoadBalancer, NodeName,
        NodePort, PriorityClassName, SchedulerName,
    };
    let allow = [
        AnyIngressHost,
        ControlPlaneTolerations,
        ExternalIps,
        ExternalName,
        IngressSnippets,
        LoadBalancer,
        NodeName,
        NodePort,
        PriorityClassName,
        SchedulerName,
    ];
    Tenant { policy: Policy::Privileged, allow: allow.into(), ..Tenant::local() }
}

fn announce(accepted: &Accepted, ui: &mut Ui) -> Done {
    if ui.value(accepted)? {
        return Ok(());
    }
    let Accepted { id, name, revision, .. } = accepted;
    if ui.format == Format::Name {
        return Ok(ui.line(name)?);
    }
    let state = ui.paint(Tone::from(accepted.state), accepted.state.as_str());
    ui.line(format_args!("task {name} ({id}) revision {revision} {state}"))?;
    let next = format!("{} status {name} --watch", ui.program);
    Ok(ui.line(ui.paint(Tone::Dim, format_args!("see it: {next}")))?)
}
