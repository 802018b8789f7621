//! The parent: a ConfigMap `marea-<id>` per task and namespace, made first and deleted last. Every
//! object has it as owner, so that the garbage collector removes what is written after a roll back.

use schema::kinds::{self, AllowedKind};
use serde_json::{Value, json};

use crate::{
    Session,
    api::{Answer, Call, Error, collection, item},
    memory::{DATA_KEY, INTENTS_KEY, Intents, Memory},
    task::{NAME_ANNOTATION, TASK_LABEL, TENANT_LABEL},
    view,
};

/// The kind of parents.
pub(crate) fn kind() -> &'static AllowedKind {
    kinds::allowed("v1", "ConfigMap").expect("ConfigMap is in the table of kinds")
}

/// Whether an object of the task is its parent.
pub(crate) fn is_parent(object: &Value, manager: &str) -> bool {
    view::text(object, "/metadata/name") == manager
}

impl Session {
    /// Makes the parent or finds it, with what it remembers; from now on it says what is about to be made.
    pub(crate) async fn parent(
        &self,
        namespace: &str,
        make_namespace: bool,
        intents: &Intents,
    ) -> Result<Value, Error> {
        let first = self.apply_parent(namespace, intents).await;
        match first {
            Err(e) if make_namespace && e.refusal().is_some_and(crate::api::Refusal::lacks_namespace) => {
                self.make_namespace(namespace).await?;
                self.apply_parent(namespace, intents).await.map(|a| a.body)
            }
            other => other.map(|a| a.body),
        }
    }

    async fn apply_parent(&self, namespace: &str, intents: &Intents) -> Result<Answer, Error> {
        let name = self.task.manager();
        let mut manifest = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": name, "namespace": namespace,
                "labels": {TASK_LABEL: self.task.key.id, TENANT_LABEL: self.task.key.tenant},
                "annotations": {NAME_ANNOTATION: self.task.name},
            },
        });
        if !intents.is_empty() {
            manifest["data"][INTENTS_KEY] = serde_json::to_string(intents).expect("string keys only").into();
        }
        self.api.send(&Call::apply(&item(kind(), namespace, &name), &name, true, false, &manifest)).await
    }

    async fn make_namespace(&self, namespace: &str) -> Result<(), Error> {
        let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        // The tenant's ServiceAccount may write inside namespaces only.
        match self.api.as_itself().send(&Call::create("/api/v1/namespaces", "marea", &manifest)).await {
            Err(Error::Refused(r)) if r.reason == "AlreadyExists" => Ok(()),
            other => other.map(drop),
        }
    }

    /// Writes what is remembered. Nothing, where the parent is gone: then the task is being rolled back.
    pub(crate) async fn remember(&self, parent: &Value, memory: &Memory) -> Result<(), Error> {
        if Memory::read(parent) == *memory {
            return Ok(());
        }
        let namespace = view::text(parent, "/metadata/namespace");
        let name = self.task.manager();
        let manifest = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "uid": parent["metadata"]["uid"]},
            "data": {DATA_KEY: memory.text()},
        });
        let call = Call::apply(&item(kind(), namespace, &name), &self.task.memory_manager(), true, false, &manifest);
        match self.api.send(&call).await {
            Err(Error::Refused(refusal)) if refusal.is_race() => Ok(()),
            other => other.map(drop),
        }
    }

    /// The name of the task that an id belongs to, from its parent; its id where that is gone.
    pub(crate) async fn name_of(&self, id: &str, namespace: &str) -> String {
        let path = format!("{}/marea-{id}", collection(kind(), namespace));
        let parent = self.api.send(&Call::get(&path, &[], crate::api::Accept::Metadata)).await;
        match parent.map(|a| view::annotation(&a.body, NAME_ANNOTATION).to_owned()) {
            Ok(name) if !name.is_empty() => format!("`{name}`"),
            _ => format!("{id}, which has no parent here any more: it kept the object when it was rolled back"),
        }
    }

    /// The owner reference to a parent.
    pub(crate) fn owner_reference(parent: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "name": parent["metadata"]["name"], "uid": parent["metadata"]["uid"],
        })
    }
}
