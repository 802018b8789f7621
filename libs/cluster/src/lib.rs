//! The apply engine: applies the objects of a task over `kube::Client`, checks, prunes, reverts and
//! rolls back.
//!
//! Decisions are pure functions of what was read; [`Session`] does the calls. Nothing is written
//! before everything was read, nothing that is not the task's own is touched, no object is deleted but
//! by its uid, and no text leaves this crate that may hold a Secret's value.

mod api;
mod apply;
mod check;
mod connect;
mod desired;
mod diff;
mod health;
mod jobs;
mod logs;
mod memory;
mod ownership;
mod parent;
mod plan;
mod prune;
mod refused;
mod replicas;
mod rollback;
mod session;
mod task;
#[cfg(test)]
mod tests;
mod view;
mod watch;
mod why;

pub use api::{Cause, Limits, Refusal, SendUntil};
pub use apply::Applied;
pub use check::{Seen, Verdict};
pub use connect::{Connection, Error as ConnectError, Source, connect};
pub use diff::FieldChange;
pub use logs::LogOptions;
pub use plan::{Change, ChangeKind, Plan};
pub use prune::{Pruned, left};
pub use rollback::RollBack;
pub use session::{Engine, Session, Stop};
pub use task::{
    NAME_ANNOTATION, ON_DELETE_ANNOTATION, REPLACE_ANNOTATION, SPEC_HASH_ANNOTATION, TASK_LABEL, TENANT_LABEL, Task,
    WAIT_ANNOTATION,
};
pub use view::reference;
pub use why::{Explained, PodView, Why};
