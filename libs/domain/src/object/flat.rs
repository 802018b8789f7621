//! An object's status as it stands in JSON: reading it through serde's `flatten` would hold every value back.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Health, ObjectRef, ObjectStatus};

#[derive(Deserialize)]
pub(super) struct Flat {
    namespace: String,
    api_version: String,
    kind: String,
    name: String,
    health: Health,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    since: Option<Timestamp>,
}

impl From<Flat> for ObjectStatus {
    fn from(flat: Flat) -> Self {
        let Flat { namespace, api_version, kind, name, health, reason, message, since } = flat;
        Self { object: ObjectRef { namespace, api_version, kind, name }, health, reason, message, since }
    }
}
