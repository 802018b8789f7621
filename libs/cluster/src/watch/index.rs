//! What a watch keeps: a digest of the health of each object, nothing else. Synchronous and pure.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use domain::TaskKey;
use schema::kinds::AllowedKind;
use serde_json::Value;

use crate::{
    health::{self, Phase},
    task::{TASK_LABEL, TENANT_LABEL},
    view,
};

/// Digests by uid.
pub(super) struct Index {
    kind: &'static AllowedKind,
    digests: HashMap<String, (TaskKey, u64)>,
    /// Whether there was a list.
    listed: bool,
}

/// What is read of an object.
struct Read {
    uid: String,
    entry: (TaskKey, u64),
    is_well: bool,
}

impl Index {
    pub(super) fn new(kind: &'static AllowedKind) -> Self {
        Self { kind, digests: HashMap::new(), listed: false }
    }

    /// Takes a whole list: the tasks of what changed, came or went. Of the first one those of what is not healthy: it may
    /// have broken while nobody watched.
    pub(super) fn replace(&mut self, objects: &[Value]) -> BTreeSet<TaskKey> {
        let first = !std::mem::replace(&mut self.listed, true);
        let mut before = std::mem::take(&mut self.digests);
        let mut changed = BTreeSet::new();
        for object in objects {
            let Some(Read { uid, entry, is_well }) = self.read(object) else { continue };
            if before.remove(&uid).as_ref() != Some(&entry) && !(first && is_well) {
                changed.insert(entry.0.clone());
            }
            self.digests.insert(uid, entry);
        }
        changed.extend(before.into_values().map(|(task, _)| task));
        changed
    }

    /// Takes one event: the task, if its object's health changed.
    pub(super) fn take(&mut self, event: &str, object: &Value) -> Option<TaskKey> {
        match event {
            "ADDED" | "MODIFIED" => {
                let Read { uid, entry, .. } = self.read(object)?;
                let before = self.digests.insert(uid, entry.clone());
                (before.as_ref() != Some(&entry)).then_some(entry.0)
            }
            "DELETED" => self.digests.remove(view::text(object, "/metadata/uid")).map(|(task, _)| task),
            _ => None,
        }
    }

    /// None of an object whose labels name no task: somebody else wrote them.
    fn read(&self, object: &Value) -> Option<Read> {
        let tenant = view::label(object, TENANT_LABEL).parse().ok()?;
        let key = TaskKey { tenant, id: view::label(object, TASK_LABEL).parse().ok()? };
        let mut typed = object.clone();
        typed["kind"] = self.kind.kind.into();
        let standing = health::assess(&typed, &[]);
        let trouble = health::trouble(object).map(|t| t.reason);
        let is_well = standing.phase == Phase::Current && trouble.is_none();
        let mut hasher = DefaultHasher::new();
        (&standing.reason, &standing.message, trouble, view::int(object, "/metadata/generation")).hash(&mut hasher);
        let uid = view::text(object, "/metadata/uid").to_owned();
        Some(Read { uid, entry: (key, hasher.finish()), is_well })
    }
}
