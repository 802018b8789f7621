//! Lists, in pages of one consistent version.

use std::{collections::BTreeMap, sync::Arc};

use ::http::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Answer, Asked, json_response};
use crate::{
    cluster::Cluster,
    failure::Failure,
    resource::Resource,
    selector::Selection,
    store::{Key, Store},
};

pub(super) async fn answer(cluster: &Cluster, asked: &Asked) -> Result<Response<Answer>, Failure> {
    let (objects, mut document) = select(cluster, asked).await?;
    // Items of a list do not repeat their kind, but for metadata alone.
    let items = objects.iter().map(|object| {
        let mut shown = asked.shown(object);
        if shown["kind"] != "PartialObjectMetadata"
            && let Some(fields) = shown.as_object_mut()
        {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        shown
    });
    document["items"] = items.collect();
    Ok(json_response(200, &document))
}

/// The selection of a request.
pub(super) fn selection(asked: &Asked) -> Result<Selection, Failure> {
    let of = |name: &str| asked.query.get(name).unwrap_or_default();
    Selection::parse(of("labelSelector"), of("fieldSelector"))
}

/// The objects that a request selects, and the document that they go into.
pub(super) async fn select(cluster: &Cluster, asked: &Asked) -> Result<(Vec<Arc<Value>>, Value), Failure> {
    let selection = selection(asked)?;
    let token = asked.query.get("continue").map(Token::parse).transpose()?;
    let limit =
        asked.query.number("limit").filter(|l| *l > 0).map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    let seen = cluster.look(|store| {
        let version = token.as_ref().map_or(store.version(), |t| t.version);
        let exact = asked.query.get("resourceVersionMatch") == Some("Exact");
        let version = asked.query.number("resourceVersion").filter(|_| exact).unwrap_or(version);
        let place = (asked.target.resource, asked.target.namespace.as_str());
        let mut found = at_version(store, place, &selection, version)?;
        if let Some(token) = &token {
            found.retain(|(key, _)| (&*key.namespace, &*key.name) > (&*token.namespace, &*token.name));
        }
        let rest = found.len().saturating_sub(limit);
        found.truncate(limit);
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if let Some((last, _)) = found.last().filter(|_| rest > 0) {
            metadata["continue"] = Token::of(version, last).text().into();
            metadata["remainingItemCount"] = rest.into();
        }
        let resource = asked.target.resource;
        let (kind, api) = if asked.accept.contains("as=PartialObjectMetadata") {
            ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
        } else {
            (format!("{}List", resource.kind), resource.api_version())
        };
        let document = json!({"kind": kind, "apiVersion": api, "metadata": metadata, "items": []});
        Ok((found.into_iter().map(|(_, object)| object).collect(), document))
    });
    seen.await?
}

/// The objects as they were at a version, by walking the log back.
pub(super) fn at_version(
    store: &Store,
    (resource, namespace): (&Resource, &str),
    selection: &Selection,
    version: u64,
) -> Result<Vec<(Key, Arc<Value>)>, Failure> {
    let here = |(key, object): (&Key, &Arc<Value>)| (key.clone(), object.clone());
    if version >= store.version() {
        let all = match selection.label() {
            Some(label) => store.labelled(resource, namespace, &label).into_iter().map(here).collect(),
            None => store.list(resource, namespace).map(here).collect::<Vec<_>>(),
        };
        return Ok(all.into_iter().filter(|(_, object)| selection.matches(object)).collect());
    }
    if version < store.compacted() {
        return Err(Failure::expired("The provided continue parameter is too old to display a consistent list result"));
    }
    let mut objects: BTreeMap<Key, Arc<Value>> = store.list(resource, namespace).map(here).collect();
    let mine = |key: &Key| key.resource == resource.index() && (namespace.is_empty() || &*key.namespace == namespace);
    for line in store.log_after(version).rev().filter(|line| mine(&line.key)) {
        match &line.before {
            Some(before) => objects.insert(line.key.clone(), before.clone()),
            None => objects.remove(&line.key),
        };
    }
    Ok(objects.into_iter().filter(|(_, object)| selection.matches(object)).collect())
}

/// Where a list goes on.
struct Token {
    version: u64,
    namespace: String,
    name: String,
}

impl Token {
    fn of(version: u64, key: &Key) -> Self {
        Self { version, namespace: key.namespace.to_string(), name: key.name.to_string() }
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.version, self.namespace, self.name]).to_string())
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (version, namespace, name) = serde_json::from_slice(&bytes).ok()?;
            Some(Self { version, namespace, name })
        };
        read().ok_or_else(|| Failure::bad_request("continue key is not valid"))
    }
}
