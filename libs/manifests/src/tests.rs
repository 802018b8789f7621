//! What is refused, warned of and added, in tables.

use domain::{Problem, SourceFile, TaskId, Tenant};
use serde_json::Value;
use uuid::Uuid;

use crate::{Rendering, render};

mod bad;
mod complete;
mod policy;
mod recheck;
mod scale;

fn file(name: &str, content: &str) -> SourceFile {
    SourceFile { name: name.into(), content: content.into() }
}

fn task() -> TaskId {
    TaskId::from(Uuid::from_u128(7))
}

fn rendered_by(tenant: &Tenant, content: &str) -> Rendering {
    render(&[file("t.yaml", content)], tenant, task(), true)
}

fn rendering(content: &str) -> Rendering {
    rendered_by(&Tenant::local(), content)
}

/// `line field code` of every error.
fn errors_of(rendering: &Rendering) -> Vec<String> {
    let errors = rendering.problems.iter().filter(|p| p.is_error());
    errors.map(|p| format!("{} {} {}", p.line, p.field, p.code)).collect()
}

fn errors(content: &str) -> Vec<String> {
    errors_of(&rendering(content))
}

fn warnings(rendering: &Rendering) -> Vec<&Problem> {
    rendering.problems.iter().filter(|p| !p.is_error()).collect()
}

fn objects(rendering: &Rendering) -> Vec<Value> {
    let rendered = rendering.rendered.as_ref().unwrap_or_else(|| panic!("refused: {:#?}", rendering.problems));
    rendered.objects.iter().map(|o| o.manifest.clone()).collect()
}

/// A Pod of one container, with more fields of its spec.
fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers: [{{name: c, image: i}}]\n{spec}")
}

/// A Deployment of one container in flow style, with more metadata, spec and container fields.
fn deployment(name: &str, metadata: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, {metadata}}}\nspec:\n  {{{spec} \
         selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, \
         spec: {{containers: [{{name: c, image: i, {container}}}]}}}}}}\n"
    )
}
