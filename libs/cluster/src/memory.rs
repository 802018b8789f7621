//! What the engine must know of a task between its steps. It is kept in the `data` of the task's
//! parent: it lives and dies with the task, comes back with the apply of the parent and with the
//! lists of a check, and so costs one call a revision.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{desired::Key, task::SPEC_HASH_ANNOTATION, view};

/// The key in the parent's `data`.
pub(crate) const DATA_KEY: &str = "state";

/// What is remembered of one namespace of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// What each apply returned.
    #[serde(default)]
    pub marks: BTreeMap<Key, Mark>,
    /// Every `kind: Job` that was made, by name and hash of its spec.
    #[serde(default)]
    jobs: BTreeMap<String, Job>,
    /// Of [`Intents`] those that surely came to nothing: no request was sent, or it was refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub idle: Intents,
}

/// The key in the parent's `data` under which it says which Jobs are about to be made.
pub(crate) const INTENTS_KEY: &str = "starting";

/// When each `kind: Job` with a TTL was about to be made, by [`job_key`]. It is written with the parent, before the
/// Job: whoever comes after a crash, and finds neither the Job nor what became of it, knows that it may have run.
pub(crate) type Intents = BTreeMap<String, Timestamp>;

/// The intents that a parent holds.
pub(crate) fn intents(parent: &Value) -> Intents {
    serde_json::from_str(parent["data"][INTENTS_KEY].as_str().unwrap_or("{}")).unwrap_or_default()
}

/// What tells a `kind: Job` of that spec from every other of its namespace.
pub(crate) fn job_key(name: &str, spec_hash: &str) -> String {
    format!("{name}/{spec_hash}")
}

/// A `kind: Job` that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub uid: String,
    /// How it ended, once that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
}

/// What tells whether somebody wrote an object under our own manager after us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    uid: String,
    /// The generation, or the resourceVersion of kinds without one.
    version: String,
    /// When our manager last changed something, by the API server's clock, in seconds.
    #[serde(default)]
    time: String,
}

impl Memory {
    /// Reads it from a parent; one that cannot be read is empty: then every object is applied again.
    pub(crate) fn read(parent: &Value) -> Self {
        let text = parent["data"][DATA_KEY].as_str().unwrap_or("{}");
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("string keys only")
    }

    /// The Job that was made of that spec.
    pub(crate) fn job(&self, name: &str, spec_hash: &str) -> Option<&Job> {
        self.jobs.get(&job_key(name, spec_hash))
    }

    /// Notes a Job that was made, or left as it is.
    pub(crate) fn note_job(&mut self, name: &str, live: &Value) {
        let spec_hash = view::annotation(live, SPEC_HASH_ANNOTATION).to_owned();
        let uid = view::text(live, "/metadata/uid").to_owned();
        let job = Job { uid, complete: crate::jobs::ended(live) };
        self.put_job(job_key(name, &spec_hash), job);
    }

    /// Notes a Job that was made and is gone.
    pub(crate) fn put_job(&mut self, key: String, job: Job) {
        self.jobs.insert(key, job);
    }

    /// Whether a Job of that uid was made, of any spec.
    pub(crate) fn knows(&self, uid: &str) -> bool {
        self.jobs.values().any(|job| job.uid == uid)
    }

    /// Notes how Jobs ended: whether that is news.
    pub(crate) fn note_ends<'a>(&mut self, live: impl Iterator<Item = &'a Value>) -> bool {
        let mut news = false;
        for object in live {
            let Some(complete) = crate::jobs::ended(object) else { continue };
            let uid = view::text(object, "/metadata/uid");
            for job in self.jobs.values_mut().filter(|job| job.uid == uid && job.complete.is_none()) {
                job.complete = Some(complete);
                news = true;
            }
        }
        news
    }
}

impl Mark {
    pub(crate) fn of(live: &Value, manager: &str) -> Self {
        let generation = view::int(live, "/metadata/generation");
        let version = match generation {
            0 => view::text(live, "/metadata/resourceVersion").to_owned(),
            generation => generation.to_string(),
        };
        let time = entry(live, manager).map(|e| view::text(e, "/time").to_owned()).unwrap_or_default();
        Self { uid: view::text(live, "/metadata/uid").to_owned(), version, time }
    }

    /// Whether our manager wrote again: at another second; or within that second, and nobody else
    /// explains the other version.
    pub(crate) fn overwritten(&self, live: &Value, manager: &str) -> bool {
        let now = Self::of(live, manager);
        if now.uid != self.uid || now.version == self.version {
            return false;
        }
        now.time != self.time || alone(live, manager)
    }
}

/// Whether nobody but our manager can have made another version. A status' writer makes no other
/// generation, but another resourceVersion.
fn alone(live: &Value, manager: &str) -> bool {
    let has_generation = view::int(live, "/metadata/generation") > 0;
    let mut entries = view::list(live, "/metadata/managedFields").iter();
    entries.all(|e| e["manager"] == manager || (has_generation && e["subresource"] == "status"))
}

/// Our manager's entry of server-side apply.
fn entry<'a>(live: &'a Value, manager: &str) -> Option<&'a Value> {
    let entries = view::list(live, "/metadata/managedFields").iter();
    entries.into_iter().find(|e| e["manager"] == manager && e["operation"] == "Apply")
}
