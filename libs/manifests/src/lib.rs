//! From YAML to checked and completed objects. Pure: no I/O, no clock, no global state.
//!
//! [`check_syntax`] says what can be said at once; [`render`] checks everything and gives the
//! objects as they are applied; [`check_rendered`] says what of them the tenant may no
//! longer do. All say every problem, each with file, line, column, object, field, a code for programs and a sentence for people; never a Secret's value.
//!
//! What must never be here: a cluster, a store, a message. What is applied is a function of the
//! files, the tenant and the task's id alone.

use domain::{Problem, Rendered, SourceFile, TaskId, Tenant, limits, record::RenderedObject};
use serde_json::Value;

mod autoscale;
mod complete;
mod emit;
mod field;
mod files;
mod kinds;
mod names;
mod node;
mod object;
mod policy;
mod quantity;
mod recheck;
mod redact;
mod report;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod yaml;

pub use emit::to_yaml;
pub use policy::annotations;
pub use recheck::check_rendered;
pub use redact::{REDACTED, redact, redact_source};

use complete::{Added, Context};
use node::Mark;
use object::Object;
use report::Report;

/// What [`render`] gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendering {
    /// Errors and warnings, in the order of the files.
    pub problems: Vec<Problem>,
    /// What is to be applied; `None` if and only if some problem is an error.
    pub rendered: Option<Rendered>,
}

/// What can be said at once of a task's files: limits, names, YAML's syntax, bombs, and that
/// nothing was sent. Kinds, fields and policy come with [`render`].
pub fn check_syntax(files: &[SourceFile]) -> Vec<Problem> {
    let mut report = Report::default();
    let documents = read(files, &mut report);
    if report.errors() == 0 && documents.is_empty() {
        nothing(files, "no object; send at least one manifest", &mut report);
    }
    report.finish()
}

/// Checks a task's files against Kubernetes and the tenant's rights, and completes them.
///
/// `defaults: false` (`marea check --no-defaults`) adds nothing but labels and namespace; what
/// the policy `restricted` would default is then an error where it is missing. For another
/// policy than the tenant's own, change `tenant.policy`.
pub fn render(files: &[SourceFile], tenant: &Tenant, task: TaskId, defaults: bool) -> Rendering {
    let mut report = Report::default();
    let objects = objects(files, tenant, &mut report);
    for object in &objects {
        report.enter_file(&files::shown(&files[object.file].name));
        report.enter_object(object.kind.kind, object.name());
        shape::check(&object.root(), object.kind.shape(), &mut report);
        rules::check(object, &mut report);
        policy::check(object, tenant, !defaults, &mut report);
    }
    twice(files, &objects, tenant, &mut report);
    let rendered = (report.errors() == 0).then(|| {
        let context = Context { tenant, task, defaults };
        complete(files, &objects, &context, &mut report)
    });
    let rendered = rendered.filter(|_| report.errors() == 0);
    Rendering { problems: report.finish(), rendered }
}

/// A file's objects as they were sent, lists flattened, unchecked; and whether all of it could
/// be read. For comparing with what [`render`] gives (`marea check --diff`).
pub fn as_sent(file: &SourceFile) -> (Vec<Value>, bool) {
    let mut report = Report::default();
    let documents = read(std::slice::from_ref(file), &mut report);
    let nodes = documents.into_iter().flat_map(|(_, d)| object::flatten(d.root, &mut report)).collect::<Vec<_>>();
    (nodes.iter().map(node::Node::to_json).collect(), report.errors() == 0)
}

fn read(files: &[SourceFile], report: &mut Report) -> Vec<(usize, yaml::Document)> {
    let mut budget = yaml::Budget::default();
    let mut documents = Vec::new();
    for (i, file) in files::check(files, report) {
        report.enter_file(&files::shown(&file.name));
        documents.extend(yaml::read(file, &mut budget, report).into_iter().map(|d| (i, d)));
        if budget.is_spent() {
            break;
        }
    }
    documents
}

fn objects(files: &[SourceFile], tenant: &Tenant, report: &mut Report) -> Vec<Object> {
    let mut found = Vec::new();
    let documents = read(files, report);
    let what = if documents.is_empty() {
        "no object; send at least one manifest"
    } else {
        "nothing to apply: a Namespace is the tenant's already; send at least one other object"
    };
    for (i, document) in documents {
        report.enter_file(&files::shown(&files[i].name));
        found.extend(object::objects(i, document, tenant, report));
    }
    report.enter_file("");
    if found.len() > limits::OBJECTS {
        let message = format!("{} objects; a task has at most {}: split it", found.len(), limits::OBJECTS);
        report.push(Mark::default(), Problem::error("too_many_objects", message));
        found.clear();
    } else if found.is_empty() && report.errors() == 0 {
        nothing(files, what, report);
    }
    found
}

fn nothing(files: &[SourceFile], what: &str, report: &mut Report) {
    let first = files.first().map(|f| files::shown(&f.name)).unwrap_or_default();
    report.enter_file(&first);
    report.push(Mark { line: 1, column: 1 }, Problem::error("empty", format!("the task holds {what}")));
}

/// The same object may stand once only.
fn twice(files: &[SourceFile], objects: &[Object], tenant: &Tenant, report: &mut Report) {
    let mut seen = std::collections::HashMap::new();
    for object in objects.iter().filter(|o| !o.name().is_empty()) {
        let key = (object.kind.group, object.kind.kind, object.namespace(tenant), object.name());
        if let Some(first) = seen.insert(key, object) {
            report.enter_file(&files::shown(&files[object.file].name));
            report.enter_object(object.kind.kind, object.name());
            let place = format!("{}:{}", files::shown(&files[first.file].name), first.node.at.line);
            let message = format!("the same object stands in {place} already; keep one");
            report.push(object.node.at, Problem::error("duplicate_object", message).at("metadata.name"));
        }
    }
}

fn complete(files: &[SourceFile], objects: &[Object], context: &Context<'_>, report: &mut Report) -> Rendered {
    let mut added = Added::default();
    let mut values = Vec::with_capacity(objects.len());
    for object in objects {
        report.enter_file(&files::shown(&files[object.file].name));
        report.enter_object(object.kind.kind, object.name());
        values.push(context.complete(object, &mut added, report));
    }
    let hpas = if context.defaults {
        autoscale::autoscalers(files, objects, &values, context, &mut added, report)
    } else {
        vec![]
    };
    let own = objects.iter().zip(values).map(|(object, manifest)| RenderedObject {
        manifest,
        file: files[object.file].name.clone(),
        document: object.document,
        line: object.node.at.line,
    });
    let hpas = hpas.into_iter().map(|manifest| RenderedObject { manifest, file: String::new(), document: 0, line: 0 });
    Rendered {
        objects: own.chain(hpas).collect(),
        added: added.finish(),
        run_as: run_as(context.tenant),
        make_namespaces: context.tenant.every_namespace,
    }
}

/// The user name of the tenant's ServiceAccount, for impersonation.
fn run_as(tenant: &Tenant) -> Option<String> {
    let account = tenant.service_account.as_ref()?;
    Some(format!("system:serviceaccount:{}:{account}", tenant.default_namespace()))
}
