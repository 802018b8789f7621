//! The embedded database of `marea up`: one SQLite file a data folder, one writer, commits grouped.
//!
//! [`Database::write`] queues a closure for the only writer thread. The writer takes all that wait, runs each in one
//! transaction (in a savepoint, unless it is one statement), commits once, and then answers all: a hundred writes that wait together cost one
//! fsync. Durable means: what was answered survives SIGKILL and power loss.
//!
//! No table is known here: each part makes its own by [`Database::create`]. No part opens SQLite by itself.

mod database;
mod error;
mod lock;
mod readers;
mod writer;

pub use database::Database;
pub use error::Error;
pub use rusqlite;
