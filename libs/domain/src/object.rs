//! Objects of a cluster, as Marea names them and reports on them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod flat;

/// One object of a cluster. Ordered by namespace, kind, name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema)]
pub struct ObjectRef {
    /// The namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// `apps/v1`, `v1`, …
    pub api_version: String,
    /// `Deployment`, …
    pub kind: String,
    /// The object's name.
    pub name: String,
}

/// `Kind/name`, as the command line and the page show it.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The health of one object or of a whole task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As its manifest asks.
    Healthy,
    /// On its way.
    #[default]
    Progressing,
    /// Failed, or was healthy and is not any more.
    Degraded,
}

/// What a check saw of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(from = "flat::Flat")]
pub struct ObjectStatus {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// Its health.
    pub health: Health,
    /// A word for programs, for example `Complete`, `ImagePullBackOff`; empty where none fits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A short line for a person, for example `ready 2/3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When this health and reason were first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}
