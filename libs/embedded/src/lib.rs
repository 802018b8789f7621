//! The embedded database of `marea up`: one SQLite file a data folder, one writer, commits grouped.
//! Durable means: survives SIGKILL and power loss.
