//! Manifests: source beside rendered.

use domain::{Rendered, Revision, SourceFile, TaskStatus, record::RenderedObject};
use maud::{Markup, html};

use super::frame::{Frame, Place};

/// Bytes of one text that are shown: beyond, nobody reads in a page.
const SHOWN: usize = 200 << 10;

/// The page with the manifests of a revision; `rendered`: none where it was refused or is not rendered yet.
pub fn manifests(
    task: &TaskStatus,
    revision: Revision,
    sources: &[SourceFile],
    rendered: Option<&Rendered>,
    signed_in: bool,
) -> Markup {
    let content = html! {
        p { a href={ "/tasks/" (task.id) } { "← Task " (task.name) } }
        h1 { "Manifests of " (task.name) ", revision " (revision) }
        (revisions(task, revision))
        div.pair {
            section aria-labelledby="source" {
                h2 #source { "Source" }
                p.hint { "As sent. Values of Secrets are not shown." }
                @if sources.is_empty() { p { "No files: this revision goes back to an earlier one." } }
                @for (index, file) in sources.iter().enumerate() {
                    h3 #{ "s" (index) } { (file.name) }
                    (text(&file.content, &format!("s{index}")))
                }
            }
            section aria-labelledby="rendered" {
                h2 #rendered { "Rendered" }
                p.hint { "What is applied: checked, completed, labelled." }
                @match rendered {
                    None => p { "Not rendered: it was refused, or its turn has not come yet." },
                    Some(rendered) => @for (index, object) in rendered.objects.iter().enumerate() {
                        (self::object(object, index))
                    }
                }
            }
        }
    };
    Frame::new(&format!("Manifests of {}", task.name), Place::Tasks, signed_in).around(&content)
}

fn revisions(task: &TaskStatus, shown: Revision) -> Markup {
    html! {
        @if task.revisions.len() > 1 {
            nav.actions aria-label="Revisions" {
                @for revision in task.revisions.iter().map(|r| r.revision) {
                    a.button href={ "/tasks/" (task.id) "/manifests?revision=" (revision) }
                        aria-current=[(revision == shown).then_some("page")] { "Revision " (revision) }
                }
            }
        }
    }
}

fn object(object: &RenderedObject, index: usize) -> Markup {
    let value = |pointer| object.manifest.pointer(pointer).and_then(|v| v.as_str()).unwrap_or("?");
    let id = format!("r{index}");
    html! {
        h3 #(id) {
            (value("/kind")) "/" (value("/metadata/name")) " "
            span.soft {
                @if object.file.is_empty() { "added by Marea" } @else { (object.file) ":" (object.line) }
            }
        }
        (text(&manifests::to_yaml(&object.manifest), &id))
    }
}

fn text(text: &str, label: &str) -> Markup {
    let end = text.floor_char_boundary(SHOWN);
    let shown = text.get(..end).unwrap_or(text);
    html! {
        pre tabindex="0" role="region" aria-labelledby=(label) { (shown) }
        @if shown.len() < text.len() { p.hint { (text.len() - shown.len()) " more bytes are not shown." } }
    }
}
