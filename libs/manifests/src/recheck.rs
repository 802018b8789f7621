//! What was rendered once, against what its tenant may do now: for a revert.

use domain::{Problem, Rendered, Tenant, record::RenderedObject};
use serde_json::Value;

use crate::{
    kinds::{self, Verdict},
    node::{Data, Entry, Mark, Node},
    object::Object,
    policy::{self, annotations},
    report::Report,
    run_as,
};

/// Says what of a rendered revision its tenant may no longer do: a namespace that was taken away, a stricter
/// policy, a right that was withdrawn, another ServiceAccount. Empty: it may be applied as it is.
///
/// Nothing is rendered again, so nothing is defaulted: what `restricted` would add must be there. Files and
/// lines are those that the revision was sent with; of an object that Marea added, none.
pub fn check_rendered(rendered: &Rendered, tenant: &Tenant) -> Vec<Problem> {
    let mut report = Report::default();
    let objects = rendered.objects.iter().filter_map(|one| object(one, &mut report)).collect::<Vec<_>>();
    for (object, sent) in &objects {
        report.enter_file(&sent.file);
        report.enter_object(object.kind.kind, object.name());
        policy::check(object, tenant, true, &mut report);
        autoscaler(object, sent, tenant, &mut report);
    }
    report.enter_file("");
    if rendered.run_as != run_as(tenant) {
        report.push(Mark::default(), other_account(rendered.run_as.as_deref(), tenant));
    }
    report.finish().into_iter().filter(Problem::is_error).collect()
}

/// An autoscaler that Marea added stays within the tenant's cap.
fn autoscaler(object: &Object, sent: &RenderedObject, tenant: &Tenant, report: &mut Report) {
    let most = object.root().walk(&["spec", "maxReplicas"]).filter(|_| sent.file.is_empty());
    if let Some(most) = most.filter(|most| most.int().is_some_and(|n| n > i64::from(tenant.max_replicas))) {
        let message = format!("the tenant's autoscalers have at most {} pods", tenant.max_replicas);
        report.error(&most, "annotation_value", message);
    }
}

fn other_account(then: Option<&str>, tenant: &Tenant) -> Problem {
    let words = |user: Option<&str>| user.map_or_else(|| "no ServiceAccount".to_owned(), |user| format!("`{user}`"));
    let (then, now) = (words(then), words(run_as(tenant).as_deref()));
    let message = format!("it was rendered to be written as {then}, and the tenant now writes as {now}");
    Problem::error("other_service_account", message)
}

/// The object as the policy reads one; the labels that Marea set itself left out.
fn object<'r>(rendered: &'r RenderedObject, report: &mut Report) -> Option<(Object, &'r RenderedObject)> {
    let manifest = &rendered.manifest;
    let text = |key: &str| manifest[key].as_str().unwrap_or_default();
    let mark = Mark { line: rendered.line, column: 0 };
    let kind = match kinds::verdict(text("apiVersion"), text("kind")) {
        Verdict::Allowed(kind) => kind,
        Verdict::Refused(code, message) => {
            report.enter_file(&rendered.file);
            report.enter_object(text("kind"), manifest["metadata"]["name"].as_str().unwrap_or_default());
            report.push(mark, Problem::error(code, message).at("kind"));
            return None;
        }
        // None is ever rendered.
        Verdict::Namespace => return None,
    };
    Some((Object { kind, node: node(manifest, mark), file: 0, document: rendered.document }, rendered))
}

fn node(value: &Value, at: Mark) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(b) => Data::Bool(*b),
        Value::Number(number) => Data::Number(number.clone()),
        Value::String(text) => Data::String(text.clone()),
        Value::Array(items) => Data::List(items.iter().map(|item| node(item, at)).collect()),
        Value::Object(map) => {
            let own = map.iter().filter(|(key, _)| !matches!(key.as_str(), annotations::TASK | annotations::TENANT));
            Data::Map(own.map(|(key, value)| Entry { key: key.clone(), at, value: node(value, at) }).collect())
        }
    };
    Node { data, at }
}
