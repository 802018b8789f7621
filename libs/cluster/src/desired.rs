//! A rendered revision's objects, with what the engine needs to know of each. Pure.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ObjectRef, Problem, Rendered, record::RenderedObject};
use schema::kinds::{self, AllowedKind};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    task::{ON_DELETE_ANNOTATION, REPLACE_ANNOTATION, SPEC_HASH_ANNOTATION},
    view,
};

/// One object to be applied.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub kind: &'static AllowedKind,
    pub object: ObjectRef,
    pub manifest: Value,
    /// An autoscaler of the same revision scales it.
    pub autoscaled: bool,
    file: String,
    line: u32,
}

/// What tells an object from every other of its namespace.
pub(crate) type Key = String;

/// The key of an object within its namespace.
pub(crate) fn key(kind: &AllowedKind, name: &str) -> Key {
    format!("{}/{name}", kind.plural)
}

/// The objects of a revision. Rendering lets only allowed kinds through.
pub(crate) fn desired(rendered: &Rendered) -> Vec<Desired> {
    let targets: BTreeSet<_> = rendered.objects.iter().filter_map(|o| scale_target(&o.manifest)).collect();
    let mut all: Vec<_> = rendered.objects.iter().filter_map(Desired::new).collect();
    for one in &mut all {
        let key = (one.object.namespace.clone(), one.object.kind.clone(), one.object.name.clone());
        one.autoscaled = targets.contains(&key);
    }
    all
}

/// Namespace, kind and name of what a HorizontalPodAutoscaler scales.
fn scale_target(manifest: &Value) -> Option<(String, String, String)> {
    if manifest["kind"] != "HorizontalPodAutoscaler" {
        return None;
    }
    let text = |pointer| view::text(manifest, pointer).to_owned();
    Some((text("/metadata/namespace"), text("/spec/scaleTargetRef/kind"), text("/spec/scaleTargetRef/name")))
}

/// The namespaces and kinds of objects, each once.
pub(crate) fn places<'a>(
    all: impl IntoIterator<Item = &'a Desired>,
) -> BTreeMap<String, BTreeMap<&'static str, &'static AllowedKind>> {
    let mut places = BTreeMap::<String, BTreeMap<_, _>>::new();
    for one in all {
        places.entry(one.object.namespace.clone()).or_default().insert(one.kind.plural, one.kind);
    }
    places
}

impl Desired {
    fn new(rendered: &RenderedObject) -> Option<Self> {
        let manifest = &rendered.manifest;
        let kind = kinds::allowed(view::text(manifest, "/apiVersion"), view::text(manifest, "/kind"))?;
        Some(Self {
            kind,
            object: view::reference(manifest),
            manifest: manifest.clone(),
            autoscaled: false,
            file: rendered.file.clone(),
            line: rendered.line,
        })
    }

    /// Of an object as the API server shows it.
    pub(crate) fn of_live(object: &Value) -> Option<Self> {
        Self::new(&RenderedObject { manifest: object.clone(), file: String::new(), document: 0, line: 0 })
    }

    pub(crate) fn key(&self) -> Key {
        key(self.kind, &self.object.name)
    }

    pub(crate) fn path(&self) -> String {
        crate::api::item(self.kind, &self.object.namespace, &self.object.name)
    }

    pub(crate) fn is_job(&self) -> bool {
        self.object.kind == "Job"
    }

    /// How many seconds a `kind: Job` stays after its end; none: for good.
    pub(crate) fn ttl(&self) -> Option<u64> {
        self.manifest.pointer("/spec/ttlSecondsAfterFinished").and_then(Value::as_u64).filter(|_| self.is_job())
    }

    /// Whether a `kind: Job` may be made anew though another one of it runs, or may have run.
    pub(crate) fn may_be_replaced(&self) -> bool {
        view::annotation(&self.manifest, REPLACE_ANNOTATION) == "true"
    }

    pub(crate) fn is_secret(&self) -> bool {
        self.object.kind == "Secret"
    }

    /// Whether it outlives its task.
    pub(crate) fn is_kept(&self) -> bool {
        is_kept(&self.manifest)
    }

    /// Whether the decision about it needs more than its metadata: a Job's end, the live `replicas`.
    pub(crate) fn needs_whole(&self) -> bool {
        self.is_job() || self.autoscaled
    }

    /// The hash of its spec, whatever the order of fields.
    pub(crate) fn spec_hash(&self) -> String {
        let mut text = String::new();
        canonical(&self.manifest["spec"], &mut text);
        hex::encode(&Sha256::digest(text)[..16])
    }

    /// A problem about this object, at its place in the sources.
    pub(crate) fn problem(&self, problem: Problem) -> Problem {
        Problem { file: self.file.clone(), line: self.line, ..problem.on(&self.object) }
    }

    /// What is sent: with the owner, and with the uid where that very object is to be changed.
    pub(crate) fn prepared(&self, owner: Option<&Value>, uid: Option<&str>) -> Value {
        let mut manifest = self.manifest.clone();
        let metadata = &mut manifest["metadata"];
        if let Some(owner) = owner.filter(|_| !self.is_kept()) {
            metadata["ownerReferences"] = json!([owner]);
        }
        if let Some(uid) = uid {
            metadata["uid"] = json!(uid);
        }
        if self.is_job() {
            metadata["annotations"][SPEC_HASH_ANNOTATION] = json!(self.spec_hash());
        }
        manifest
    }
}

/// Whether an object, as sent or live, outlives its task.
pub(crate) fn is_kept(object: &Value) -> bool {
    view::annotation(object, ON_DELETE_ANNOTATION) == "keep"
}

/// JSON with sorted keys: `serde_json` sorts only where no crate of the build asks it not to.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            for (key, value) in sorted {
                out.push_str(&Value::String(key.clone()).to_string());
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            items.iter().for_each(|item| canonical(item, out));
            out.push(']');
        }
        scalar => {
            out.push_str(&scalar.to_string());
            out.push(',');
        }
    }
}
