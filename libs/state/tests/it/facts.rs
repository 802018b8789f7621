//! Tasks and facts for tests.

use domain::{Fact, FactBody, Health, Revision, TaskId, TaskKey, TaskName, TenantName, fact::CommandKind};
use jiff::Timestamp;

/// A tenant of the test's own.
pub fn tenant() -> TenantName {
    format!("t-{}", TaskId::new().suffix()).parse().expect("a label")
}

/// One task's words.
#[derive(Clone)]
pub struct Task {
    pub key: TaskKey,
    pub name: TaskName,
}

impl Task {
    pub fn of(tenant: &TenantName, name: &str) -> Self {
        Self::with_id(tenant, name, TaskId::new())
    }

    pub fn with_id(tenant: &TenantName, name: &str, id: TaskId) -> Self {
        Self { key: TaskKey { tenant: tenant.clone(), id }, name: name.parse().expect("a label") }
    }

    pub fn new() -> Self {
        Self::of(&tenant(), "demo")
    }

    pub fn fact(&self, revision: Revision, body: FactBody) -> Fact {
        Fact {
            tenant: self.key.tenant.clone(),
            task: self.key.id,
            name: self.name.clone(),
            revision,
            time: Timestamp::UNIX_EPOCH,
            body,
        }
    }

    pub fn submitted(&self) -> Fact {
        self.fact(1, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None })
    }

    pub fn started(&self) -> Fact {
        self.fact(1, FactBody::ApplyStarted { objects: 3 })
    }

    pub fn applied(&self) -> Fact {
        self.fact(1, FactBody::Applied { observed: 9, objects: vec![], kept: vec![], warnings: vec![] })
    }

    pub fn progress(&self, observed: u64, health: Health) -> Fact {
        self.fact(1, FactBody::Progress { observed, health, objects: vec![] })
    }
}
