//! What a watch keeps: a digest of the health of each object, nothing else. Synchronous and pure.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use domain::TaskKey;
use schema::kinds::AllowedKind;
use serde_json::Value;

use crate::{
    health,
    task::{TASK_LABEL, TENANT_LABEL},
    view,
};

/// Digests by uid.
pub(super) struct Index {
    kind: &'static AllowedKind,
    digests: HashMap<String, (TaskKey, u64)>,
}

impl Index {
    pub(super) fn new(kind: &'static AllowedKind) -> Self {
        Self { kind, digests: HashMap::new() }
    }

    /// Takes a whole list: the tasks of what changed, came or went. Of the first one it says nothing.
    pub(super) fn replace(&mut self, objects: &[Value]) -> BTreeSet<TaskKey> {
        let first = self.digests.is_empty();
        let mut before = std::mem::take(&mut self.digests);
        let mut changed = BTreeSet::new();
        for object in objects {
            let Some((uid, entry)) = self.digest(object) else { continue };
            if before.remove(&uid).as_ref() != Some(&entry) {
                changed.insert(entry.0.clone());
            }
            self.digests.insert(uid, entry);
        }
        changed.extend(before.into_values().map(|(task, _)| task));
        if first { BTreeSet::new() } else { changed }
    }

    /// Takes one event: the task, if its object's health changed.
    pub(super) fn take(&mut self, event: &str, object: &Value) -> Option<TaskKey> {
        match event {
            "ADDED" | "MODIFIED" => {
                let (uid, entry) = self.digest(object)?;
                let before = self.digests.insert(uid, entry.clone());
                (before.as_ref() != Some(&entry)).then_some(entry.0)
            }
            "DELETED" => self.digests.remove(view::text(object, "/metadata/uid")).map(|(task, _)| task),
            _ => None,
        }
    }

    /// None of an object whose labels name no task: somebody else wrote them.
    fn digest(&self, object: &Value) -> Option<(String, (TaskKey, u64))> {
        let tenant = view::label(object, TENANT_LABEL).parse().ok()?;
        let key = TaskKey { tenant, id: view::label(object, TASK_LABEL).parse().ok()? };
        let mut typed = object.clone();
        typed["kind"] = self.kind.kind.into();
        let standing = health::assess(&typed, &[]);
        let trouble = health::trouble(object).map(|t| t.reason);
        let mut hasher = DefaultHasher::new();
        (&standing.reason, &standing.message, trouble, view::int(object, "/metadata/generation")).hash(&mut hasher);
        Some((view::text(object, "/metadata/uid").to_owned(), (key, hasher.finish())))
    }
}
