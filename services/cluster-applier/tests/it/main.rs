//! The service as it runs, on embedded parts and the sandbox: from `task.validated` to the facts.

mod internal;
mod line;
mod races;
mod world;
