//! status-worker's interface, over embedded parts.

mod consume;
mod harness;
mod proxy;
mod read;
mod refold;
