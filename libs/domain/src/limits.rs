//! Bounds on what Marea takes. Each is a constant with its reason beside it; they are
//! part of the interface and of the documentation (`docs/tasks.md`).

#[cfg(test)]
mod tests;

/// Bytes of one request's body: what etcd takes of one object is 1.5 MiB, and a task of
/// many files stays far below this.
pub const BODY_BYTES: usize = 8 << 20;
/// Bytes of one file: an object above etcd's 1.5 MiB would be refused by the API server.
pub const FILE_BYTES: usize = 3 << 20;
/// Files of one task.
pub const FILES: usize = 200;
/// Bytes of a file's name.
pub const FILE_NAME_BYTES: usize = 255;
/// YAML documents of one task.
pub const DOCUMENTS: usize = 1_000;
/// Objects of one task: a check lists all of them, and a fact names all of them.
pub const OBJECTS: usize = 500;
/// Depth of nesting of a YAML document; Kubernetes' deepest schemas need about 30.
pub const DEPTH: usize = 100;
/// Aliases of one file; expansion is also bounded by [`NODES`].
pub const ALIASES: usize = 1_000;
/// YAML nodes of one task after expansion of aliases.
pub const NODES: usize = 500_000;
/// Bytes of a message on the bus; ids travel there, not content.
pub const MESSAGE_BYTES: usize = 256 << 10;
/// Problems that one fact or answer carries; more are counted, not listed.
pub const PROBLEMS: usize = 100;
/// Bytes of one problem's message.
pub const PROBLEM_BYTES: usize = 1_000;
/// Bytes of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
