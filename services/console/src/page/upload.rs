//! The form that sends files.

use client::Running;
use domain::{Problem, TaskName};
use maud::{Markup, html};

use super::{
    frame::{Frame, Place},
    running::running,
};

/// What the form shows: what was typed, and why it was refused.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The task's name as typed.
    pub name: String,
    /// The manifest as pasted.
    pub text: String,
    /// The task that gets a new revision: id and name.
    pub replaces: Option<(String, TaskName)>,
    /// How it is to be run, as ticked.
    pub running: Running,
    /// Why it was refused.
    pub problems: Vec<Problem>,
}

/// The page with the form.
pub fn upload(form: &Form, signed_in: bool) -> Markup {
    let (title, action) = match &form.replaces {
        Some((id, name)) => (format!("New revision of {name}"), format!("/tasks/{id}/replace")),
        None => ("Send files".to_owned(), "/upload".to_owned()),
    };
    let content = html! {
        h1 { (title) }
        @if !form.problems.is_empty() {
            section role="alert" aria-labelledby="refused" {
                h2 #refused { "Not sent: " (super::count(form.problems.len(), "problem")) }
                (super::problems(&form.problems))
            }
        }
        form.stack method="post" action=(action) enctype="multipart/form-data" {
            (fields(form))
            div { button.primary type="submit" { "Send" } }
        }
    };
    Frame::new(&title, Place::Upload, signed_in).around(&content)
}

fn fields(form: &Form) -> Markup {
    html! {
        @if form.replaces.is_none() {
            div {
                label for="name" { "Name" }
                p.hint #name-hint { "Optional. Small letters, digits and hyphens, beginning with a letter." }
                input #name type="text" name="name" value=(form.name) maxlength="52" autocomplete="off"
                    pattern="[a-z]([a-z0-9\\-]*[a-z0-9])?" aria-describedby="name-hint";
            }
        }
        div {
            label for="files" { "Files" }
            p.hint #files-hint { "Kubernetes manifests, .yaml or .json; several may be chosen." }
            input #files type="file" name="files" multiple accept=".yaml,.yml,.json" aria-describedby="files-hint";
        }
        div {
            label for="text" { "Or paste a manifest" }
            textarea #text name="text" spellcheck="false" autocomplete="off" { (form.text) }
        }
        (running(&form.running, form.replaces.is_some()))
    }
}
