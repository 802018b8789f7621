//! The API server: a request and a view of the store become an answer and at most one write. No I/O, no clock.

mod apply;
mod create;
mod defaults;
mod delete;
mod names;
mod normal;
mod pods;
mod prepare;
mod services;
#[cfg(test)]
mod tests;
mod update;
mod validate;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    failure::Failure,
    json::text,
    resource::Resource,
    store::{Key, Store, Write},
};

pub(crate) use delete::{Deletion, FOREGROUND, ORPHAN, Propagation};
pub(crate) use names::{hash, suffix, template_hash};
pub(crate) use update::scale_of;

/// What a call wants.
#[derive(Debug, Clone)]
pub(crate) enum Verb {
    Create,
    Update,
    MergePatch,
    Apply { force: bool },
    Delete(Deletion),
}

/// A call of the API that may write.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `status`, `scale`, `binding`, or empty.
    pub(crate) subresource: &'static str,
    pub(crate) body: Value,
    /// The field manager.
    pub(crate) manager: String,
    pub(crate) dry_run: bool,
    /// Whether unknown fields are refused.
    pub(crate) strict: bool,
}

/// When a call is made, and what makes its ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
}

/// What a call gives.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Arc<Value>,
    pub(crate) write: Option<Write>,
}

impl Moment {
    /// Now, as Kubernetes writes times.
    pub(crate) fn text(&self) -> String {
        seconds(self.now)
    }

    /// A uid that no other version of this store gives.
    fn uid(&self, store: &Store) -> String {
        Uuid::new_v5(&Uuid::from_u128(self.seed.into()), store.version().to_string().as_bytes()).to_string()
    }
}

/// A time as Kubernetes writes it: whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Runs a call.
pub(crate) fn execute(store: &Store, call: &Call, moment: Moment) -> Result<Reply, Failure> {
    let reply = match &call.verb {
        Verb::Create => create::create(store, call, moment),
        Verb::Update => update::replace(store, call, moment),
        Verb::MergePatch => update::patch(store, call, moment),
        Verb::Apply { force } => apply::apply(store, call, *force, moment),
        Verb::Delete(deletion) => delete::delete(store, call, deletion, moment),
    }?;
    Ok(if call.dry_run { Reply { write: None, ..reply } } else { reply })
}

impl Call {
    /// A call without a body.
    pub(crate) fn new(verb: Verb, key: &Key, manager: &str) -> Self {
        Self {
            verb,
            resource: key.resource(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            subresource: "",
            body: Value::Null,
            manager: manager.to_owned(),
            dry_run: false,
            strict: false,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(self.resource, &self.namespace, &self.name)
    }

    pub(crate) fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn subresource(self, subresource: &'static str) -> Self {
        Self { subresource, ..self }
    }

    fn live<'a>(&self, store: &'a Store) -> Result<&'a Arc<Value>, Failure> {
        store.get(&self.key()).ok_or_else(|| Failure::not_found(self.resource, &self.name))
    }

    /// The body has to name what the path names, or nothing.
    fn check_names(&self) -> Result<(), Failure> {
        let (kind, version) = (text(&self.body, "kind"), text(&self.body, "apiVersion"));
        let expected = self.resource.api_version();
        if !kind.is_empty() && (kind != self.resource.kind || version != expected) {
            let (kind_expected, plural) = (self.resource.kind, self.resource.plural);
            return Err(Failure::bad_request(format!(
                "the object of {version}, Kind={kind} does not match {plural}, which takes {expected}, Kind={kind_expected}"
            )));
        }
        let namespace = text(&self.body, "metadata.namespace");
        if !namespace.is_empty() && namespace != self.namespace {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let name = text(&self.body, "metadata.name");
        if !name.is_empty() && !self.name.is_empty() && name != self.name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                self.name
            )));
        }
        Ok(())
    }

    /// The namespace has to be there, and to stay, for anything new.
    fn check_namespace(&self, store: &Store) -> Result<(), Failure> {
        if !self.resource.namespaced {
            return Ok(());
        }
        let kind = crate::resource::of_kind("Namespace");
        let Some(namespace) = store.get(&Key::new(kind, "", &self.namespace)) else {
            return Err(Failure::not_found(kind, &self.namespace));
        };
        if text(namespace, "metadata.deletionTimestamp").is_empty() {
            return Ok(());
        }
        let name = &self.namespace;
        let why = format!("unable to create new content in namespace {name} because it is being terminated");
        let mut failure = Failure::forbidden(self.resource, &self.name, &why);
        failure.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {name} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Err(failure)
    }
}

/// The answer to a write of `object`, which carries the version to come.
fn written(store: &Store, resource: &'static Resource, code: u16, mut object: Value) -> Reply {
    crate::json::put(&mut object, "metadata.resourceVersion", (store.version() + 1).to_string());
    let object = Arc::new(object);
    let write = Write { key: Key::of(resource, &object), object: Some(object.clone()) };
    Reply { code, body: object, write: Some(write) }
}
