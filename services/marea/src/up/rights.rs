//! What a real cluster lets us do, asked before anything is written.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use schema::kinds::{ALLOWED, AllowedKind};
use serde_json::{Value, json};

/// What the engine does with each kind.
const VERBS: [&str; 5] = ["get", "list", "watch", "patch", "delete"];
/// Questions at a time.
const CONCURRENCY: usize = 16;

/// What was seen.
pub struct Seen {
    /// The namespaces, or that they may not be listed.
    pub namespaces: String,
    /// What is not allowed, a line each.
    pub missing: Vec<String>,
}

/// Asks for the namespaces and the rights.
pub async fn look(client: &Client) -> Result<Seen, kube::Error> {
    let questions = ALLOWED.iter().flat_map(|kind| VERBS.map(|verb| (kind, verb)));
    let asked = stream::iter(questions).map(|(kind, verb)| async move {
        let allowed = allowed(client, kind, verb).await?;
        Ok::<_, kube::Error>((!allowed).then(|| format!("may not {verb} {}", kind.plural)))
    });
    let missing: Vec<Option<String>> = asked.buffered(CONCURRENCY).try_collect().await?;
    Ok(Seen { namespaces: namespaces(client).await, missing: missing.into_iter().flatten().collect() })
}

async fn allowed(client: &Client, kind: &AllowedKind, verb: &str) -> Result<bool, kube::Error> {
    let attributes = json!({ "group": kind.group, "resource": kind.plural, "verb": verb });
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
