//! The service as it runs, on embedded parts and the sandbox: from `task.validated` to the facts.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod doubt;
mod gated;
mod internal;
mod line;
mod outage;
mod races;
mod revert;
mod rows;
mod world;
