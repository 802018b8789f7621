//! Pages that ask before something is removed or goes back.

use client::Running;
use domain::{Revision, TaskStatus};
use maud::{Markup, html};

use super::{
    count,
    frame::{Frame, Place},
    running::running,
};

/// Asks before a task is rolled back.
pub fn confirm_delete(task: &TaskStatus, signed_in: bool) -> Markup {
    let content = html! {
        h1 { "Delete " (task.name) "?" }
        p { "Everything that this task made is removed from the cluster: " (count(task.objects.len(), "object")) "." }
        @if !task.objects.is_empty() {
            ul { @for object in &task.objects { li { (object.object) " " span.soft { (object.object.namespace) } } } }
        }
        p.hint {
            "Claims of StatefulSets and objects annotated " code { "marea.dev/on-delete: keep" } " stay, and are listed."
        }
        (buttons(&format!("/tasks/{}/delete", task.id), task, &html! {
            button.danger type="submit" { "Delete " (task.name) }
        }))
    };
    Frame::new("Delete", Place::Tasks, signed_in).around(&content)
}

/// Asks before a task goes back.
pub fn confirm_revert(task: &TaskStatus, to: Revision, signed_in: bool) -> Markup {
    let content = html! {
        h1 { "Go back to revision " (to) " of " (task.name) "?" }
        p { "What revision " (to) " applied is applied again, as a new revision. What is not in it is removed." }
        (buttons(&format!("/tasks/{}/revert", task.id), task, &html! {
            input type="hidden" name="to" value=(to);
            (running(&Running::default(), true))
            button.primary type="submit" { "Go back to revision " (to) }
        }))
    };
    Frame::new("Go back", Place::Tasks, signed_in).around(&content)
}

fn buttons(action: &str, task: &TaskStatus, submit: &Markup) -> Markup {
    html! {
        form.row method="post" action=(action) {
            (submit)
            a.button href={ "/tasks/" (task.id) } { "Cancel" }
        }
    }
}
