//! A fact as it stands in JSON: the fields of every type on one level.
//!
//! Facts are read into this, and made from it, for serde's `flatten` and `tag` hold back every value until the type is
//! known.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

use super::{CommandKind, Fact, FactBody};
use crate::{Health, ObjectRef, ObjectStatus, Problem, Revision, TaskId, TaskName, TenantName};

/// The fields of all types; which of them are there depends on the type.
#[derive(Deserialize)]
pub(super) struct Flat {
    tenant: TenantName,
    task: TaskId,
    name: TaskName,
    revision: Revision,
    time: Timestamp,
    #[serde(rename = "type")]
    kind: Kind,
    command: Option<CommandKind>,
    files: Option<u32>,
    to: Option<Revision>,
    observed: Option<u64>,
    health: Option<Health>,
    objects: Option<Objects>,
    warnings: Option<Vec<Problem>>,
    problems: Option<Vec<Problem>>,
    added: Option<Vec<String>>,
    kept: Option<Vec<ObjectRef>>,
}

#[derive(Clone, Copy, Deserialize)]
enum Kind {
    #[serde(rename = "task.submitted")]
    Submitted,
    #[serde(rename = "task.validated")]
    Validated,
    #[serde(rename = "task.rejected")]
    Rejected,
    #[serde(rename = "task.apply_started")]
    ApplyStarted,
    #[serde(rename = "task.progress")]
    Progress,
    #[serde(rename = "task.applied")]
    Applied,
    #[serde(rename = "task.failed")]
    Failed,
    #[serde(rename = "task.reverted")]
    Reverted,
    #[serde(rename = "task.rollback_requested")]
    RollbackRequested,
    #[serde(rename = "task.rollback_blocked")]
    RollbackBlocked,
    #[serde(rename = "task.rolled_back")]
    RolledBack,
}

/// How many objects, or which: by the type.
enum Objects {
    Count(u32),
    Seen(Vec<ObjectStatus>),
}

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectsVisitor)
    }
}

struct ObjectsVisitor;

impl<'de> Visitor<'de> for ObjectsVisitor {
    type Value = Objects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of objects, or a list of them")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Objects, E> {
        u32::try_from(count).map(Objects::Count).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Objects, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Objects::Seen)
    }
}

/// A field that facts of this type have.
#[derive(Debug, thiserror::Error)]
#[error("missing field `{0}`")]
pub(super) struct Missing(&'static str);

fn need<T>(field: &'static str, value: Option<T>) -> Result<T, Missing> {
    value.ok_or(Missing(field))
}

impl Flat {
    fn count(&mut self) -> Result<u32, Missing> {
        match self.objects.take() {
            Some(Objects::Count(count)) => Ok(count),
            _ => Err(Missing("objects")),
        }
    }

    fn seen(&mut self) -> Result<Vec<ObjectStatus>, Missing> {
        match self.objects.take() {
            Some(Objects::Seen(objects)) => Ok(objects),
            _ => Err(Missing("objects")),
        }
    }

    fn problems(&mut self) -> Result<Vec<Problem>, Missing> {
        need("problems", self.problems.take())
    }

    fn submitted(&self) -> Result<FactBody, Missing> {
        let (command, files) = (need("command", self.command)?, need("files", self.files)?);
        Ok(FactBody::Submitted { command, files, to: self.to })
    }

    fn validated(&mut self) -> Result<FactBody, Missing> {
        let warnings = need("warnings", self.warnings.take())?;
        Ok(FactBody::Validated { objects: self.count()?, warnings, added: need("added", self.added.take())? })
    }

    fn progress(&mut self) -> Result<FactBody, Missing> {
        let (observed, health) = (need("observed", self.observed)?, need("health", self.health)?);
        Ok(FactBody::Progress { observed, health, objects: self.seen()? })
    }

    fn applied(&mut self) -> Result<FactBody, Missing> {
        Ok(FactBody::Applied {
            observed: need("observed", self.observed)?,
            objects: self.seen()?,
            // Facts of the first versions had neither.
            kept: self.kept.take().unwrap_or_default(),
            warnings: self.warnings.take().unwrap_or_default(),
        })
    }

    fn reverted(&self) -> Result<FactBody, Missing> {
        Ok(FactBody::Reverted { to: need("to", self.to)?, observed: self.observed.unwrap_or_default() })
    }

    fn body(&mut self) -> Result<FactBody, Missing> {
        match self.kind {
            Kind::Submitted => self.submitted(),
            Kind::Validated => self.validated(),
            Kind::Rejected => Ok(FactBody::Rejected { problems: self.problems()? }),
            Kind::ApplyStarted => Ok(FactBody::ApplyStarted { objects: self.count()? }),
            Kind::Progress => self.progress(),
            Kind::Applied => self.applied(),
            Kind::Failed => Ok(FactBody::Failed { problems: self.problems()?, objects: self.seen()? }),
            Kind::Reverted => self.reverted(),
            Kind::RollbackRequested => Ok(FactBody::RollbackRequested {}),
            Kind::RollbackBlocked => {
                Ok(FactBody::RollbackBlocked { problems: self.problems()?, objects: self.seen()? })
            }
            Kind::RolledBack => Ok(FactBody::RolledBack { kept: need("kept", self.kept.take())? }),
        }
    }
}

impl TryFrom<Flat> for Fact {
    type Error = Missing;

    fn try_from(mut flat: Flat) -> Result<Self, Missing> {
        let body = flat.body()?;
        let Flat { tenant, task, name, revision, time, .. } = flat;
        Ok(Self { tenant, task, name, revision, time, body })
    }
}
