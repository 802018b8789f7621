//! One task: what it is, its objects, problems, history.

use domain::{ObjectStatus, State, TaskStatus, fact::CommandKind, status::RevisionStatus};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    badge, count,
    frame::{Frame, Place},
    health_badge, problems,
};
use crate::time::{after, ago, exact};

/// Seconds after which a reader without script gets a task that is on its way anew.
const REFRESH: u32 = 3;

/// The page of one task.
pub fn task(task: &TaskStatus, now: Timestamp, signed_in: bool) -> Markup {
    let path = |what| format!("/tasks/{}/{what}", task.id);
    let content = html! {
        h1 { (task.name) }
        (actions(task))
        div #live data-changes=(path("changes?after=")) data-events=(path("events?after=")) data-version=(task.version) {
            (task_live(task, now))
        }
    };
    let refresh = (!task.state.is_final()).then_some(REFRESH);
    Frame { refresh, ..Frame::new(task.name.as_str(), Place::Tasks, signed_in) }.around(&content)
}

fn actions(task: &TaskStatus) -> Markup {
    let path = |what| format!("/tasks/{}/{what}", task.id);
    html! {
        nav.actions aria-label="This task" {
            a.button href=(path("manifests")) { "Manifests" }
            @if task.state != State::RolledBack {
                a.button href=(path("replace")) { "Send a new revision" }
                a.button.danger href=(path("delete")) { "Delete" }
            }
        }
    }
}

/// What changes of a task's page.
pub fn task_live(task: &TaskStatus, now: Timestamp) -> Markup {
    html! {
        (facts(task, now))
        @if let Some(revision) = task.revisions.first() { (notes(revision)) }
        h2 #objects { "Objects" }
        @if task.objects.is_empty() { p.soft { "None in the cluster." } } @else { (objects(task, now)) }
        @if !task.kept.is_empty() {
            h3 { "Kept on purpose" }
            ul { @for object in &task.kept { li { (object) " " span.soft { (object.namespace) } } } }
        }
        h2 #history { "History" }
        @for revision in &task.revisions { (history(task, revision)) }
    }
}

fn facts(task: &TaskStatus, now: Timestamp) -> Markup {
    html! {
        dl.facts {
            div { dt { "State" } dd { (badge(task.state)) } }
            div { dt { "Health" } dd { @if task.objects.is_empty() { "–" } @else { (health_badge(task.health)) } } }
            div {
                dt { "Revision" }
                dd {
                    (task.desired_revision)
                    @match task.live_revision {
                        Some(live) if live == task.desired_revision => " (live)",
                        Some(live) => { " (live: " (live) ")" }
                        None => "",
                    }
                }
            }
            div { dt { "Sent" } dd { (ago(task.created, now)) } }
            div { dt { "Last change" } dd { (ago(task.updated, now)) } }
            div.wide { dt { "Id" } dd { code { (task.id) } } }
        }
    }
}

fn notes(revision: &RevisionStatus) -> Markup {
    html! {
        @if !revision.problems.is_empty() {
            h2 #problems { "Problems of revision " (revision.revision) }
            (problems(&revision.problems))
        }
        @if !revision.added.is_empty() {
            h2 #added { "Added by Marea" }
            ul { @for line in &revision.added { li { (line) } } }
        }
    }
}

fn objects(task: &TaskStatus, now: Timestamp) -> Markup {
    let well = task.objects.iter().filter(|o| o.health == domain::Health::Healthy).count();
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="objects" #object-table {
            table {
                caption { (well) " of " (count(task.objects.len(), "object")) " healthy" }
                thead {
                    tr {
                        th scope="col" { "Object" }
                        th scope="col" { "Namespace" }
                        th scope="col" { "Health" }
                        th scope="col" { "Reason" }
                        th scope="col" { "Message" }
                        th scope="col" { "Since" }
                    }
                }
                tbody { @for object in &task.objects { (object_row(object, now)) } }
            }
        }
    }
}

fn object_row(object: &ObjectStatus, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (object.object) }
            td { (object.object.namespace) }
            td { (health_badge(object.health)) }
            td { (object.reason) }
            td.message { (object.message) }
            td { @if let Some(since) = object.since { (ago(since, now)) } }
        }
    }
}

fn history(task: &TaskStatus, revision: &RevisionStatus) -> Markup {
    let what = match revision.command {
        CommandKind::Apply => count(revision.files as usize, "file"),
        CommandKind::Revert => "back to an earlier revision".to_owned(),
        CommandKind::RollBack => "roll back".to_owned(),
    };
    let start = revision.transitions.first().map_or(task.created, |t| t.time);
    let again =
        revision.state == State::Done && revision.revision != task.desired_revision && task.state != State::RolledBack;
    html! {
        h3 {
            "Revision " (revision.revision) ": " (what) " " (badge(revision.state))
            @if let Some(by) = revision.superseded_by { " by revision " (by) }
        }
        ol {
            @for step in &revision.transitions {
                li {
                    (step.state.as_str()) " " span.soft { (step.event) " after " (after(step.time.duration_since(start))) " · " }
                    time.soft datetime=(step.time) { (exact(step.time)) }
                }
            }
        }
        @if revision.command != CommandKind::RollBack {
            p {
                a href={ "/tasks/" (task.id) "/manifests?revision=" (revision.revision) } {
                    "Manifests of revision " (revision.revision)
                }
                @if again {
                    " · " a href={ "/tasks/" (task.id) "/revert?to=" (revision.revision) } {
                        "Go back to revision " (revision.revision)
                    }
                }
            }
        }
    }
}
