//! The words of Marea: ids, records, facts, states, problems and limits.
//!
//! Nothing here does I/O, and no client library is in this crate's tree. Values are
//! made valid where they enter (`parse`, serde) and need no second check.

pub mod access;
pub mod fact;
pub mod id;
pub mod limits;
pub mod object;
pub mod problem;
pub mod record;
pub mod status;
pub mod text;

pub use access::Tenant;
pub use fact::{Fact, FactBody};
pub use id::{Revision, TaskId, TaskKey, TaskName, TenantName};
pub use object::{Health, ObjectRef, ObjectStatus};
pub use problem::{Problem, Severity};
pub use record::{Action, Command, OnFailure, Options, Outcome, Rendered, SourceFile};
pub use status::{State, TaskStatus};
