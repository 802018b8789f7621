//! What a real cluster lets us do, asked before anything is written.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use schema::kinds::ALLOWED;
use serde_json::{Value, json};

/// What the engine does with each kind.
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];
/// Questions at a time.
const CONCURRENCY: usize = 16;

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// The namespaces, or that they may not be listed.
    pub namespaces: String,
    /// The one namespace in which the user has rights that they have nowhere else.
    pub only: Option<String>,
    /// What is not allowed, a line each resource.
    pub missing: Vec<String>,
}

/// A thing that is done to a resource.
#[derive(Debug, Clone, Copy)]
struct Right {
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    verb: &'static str,
}

/// Where a right is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Everywhere,
    /// In the context's namespace.
    Inside,
    Nowhere,
}

/// Asks for the namespaces and the rights; where a right is not given everywhere, in the context's namespace.
pub async fn look(client: &Client, namespace: &str) -> Result<Seen, kube::Error> {
    let asked = stream::iter(needed())
        .map(|right| async move { Ok::<_, kube::Error>((right, given(client, right, namespace).await?)) });
    let answers: Vec<_> = asked.buffered(CONCURRENCY).try_collect().await?;
    let only = answers.iter().any(|(_, given)| *given == Given::Inside).then(|| namespace.to_owned());
    let missing = missing(&answers, only.is_some());
    Ok(Seen { namespaces: namespaces(client).await, only, missing })
}

/// What the engine does, and what explains.
fn needed() -> impl Iterator<Item = Right> {
    let core = |resource, subresource, verb| Right { group: "", resource, subresource, verb };
    let more = [core("pods", "log", "get"), core("events", "", "list"), core("namespaces", "", "create")];
    let kinds = ALLOWED
        .iter()
        .flat_map(|kind| VERBS.map(|verb| Right { group: kind.group, resource: kind.plural, subresource: "", verb }));
    kinds.chain(more)
}

/// A line each resource, `may not create, patch pods`. Who has rights inside one namespace makes no namespaces.
fn missing(answers: &[(Right, Given)], inside: bool) -> Vec<String> {
    let mut verbs = BTreeMap::<String, Vec<&str>>::new();
    for (right, _) in answers.iter().filter(|(_, given)| *given == Given::Nowhere) {
        if !(inside && right.resource == "namespaces") {
            verbs.entry(right.named()).or_default().push(right.verb);
        }
    }
    verbs.into_iter().map(|(resource, verbs)| format!("may not {} {resource}", verbs.join(", "))).collect()
}

impl Right {
    fn named(&self) -> String {
        let parts = [self.resource, self.subresource].into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("/")
    }
}

async fn given(client: &Client, right: Right, namespace: &str) -> Result<Given, kube::Error> {
    if allowed(client, right, "").await? {
        return Ok(Given::Everywhere);
    }
    Ok(if allowed(client, right, namespace).await? { Given::Inside } else { Given::Nowhere })
}

/// Whether a right is given in a namespace; in `""`: in all of them.
async fn allowed(client: &Client, right: Right, namespace: &str) -> Result<bool, kube::Error> {
    let Right { group, resource, subresource, verb } = right;
    let attributes = json!({
        "group": group, "resource": resource, "subresource": subresource, "verb": verb, "namespace": namespace,
    });
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes },
    });
    let request = http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes())
        .expect("a constant path and header");
    let answer: Value = client.request(request).await?;
    Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
}

async fn namespaces(client: &Client) -> String {
    let request = http::Request::get("/api/v1/namespaces").body(Vec::new()).expect("a constant path");
    let Ok(list) = client.request::<Value>(request).await else { return "may not be listed".to_owned() };
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = items.iter().filter_map(|item| item.pointer("/metadata/name")?.as_str());
    names.filter(|name| !name.starts_with("kube-")).collect::<Vec<_>>().join(", ")
}
