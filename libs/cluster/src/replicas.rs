//! Who says how many replicas: we, while we alone own the field; an autoscaler once it has scaled. Pure.

use serde_json::{Value, json};

use crate::{desired::Desired, view};

/// What is sent as `spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replicas {
    /// What the manifest says, or nothing where it says nothing.
    AsSent,
    /// The live number: dropping a field that we alone own would reset it to 1.
    Live(i64),
    /// Nothing: this manager owns the field.
    Omit(String),
}

/// The managers that own `spec.replicas`.
fn owners(live: &Value) -> impl Iterator<Item = &str> {
    let entries = view::list(live, "/metadata/managedFields").iter();
    entries.filter(|e| !e["fieldsV1"]["f:spec"]["f:replicas"].is_null()).map(|e| view::text(e, "/manager"))
}

/// Decides from the live object's managed fields.
pub(crate) fn decide(desired: &Desired, live: Option<&Value>, manager: &str) -> Replicas {
    let Some(live) = live.filter(|_| matches!(desired.object.kind.as_str(), "Deployment" | "StatefulSet")) else {
        return Replicas::AsSent;
    };
    if let Some(other) = owners(live).find(|m| *m != manager) {
        return Replicas::Omit(other.to_owned());
    }
    match live.pointer("/spec/replicas").and_then(Value::as_i64) {
        Some(n) if desired.autoscaled && owners(live).any(|m| m == manager) => Replicas::Live(n),
        _ => Replicas::AsSent,
    }
}

impl Replicas {
    /// Writes the decision into what is sent.
    pub(crate) fn put(&self, manifest: &mut Value) {
        match self {
            Self::AsSent => {}
            Self::Live(n) => manifest["spec"]["replicas"] = json!(n),
            Self::Omit(_) => {
                if let Some(spec) = manifest["spec"].as_object_mut() {
                    spec.remove("replicas");
                }
            }
        }
    }
}
