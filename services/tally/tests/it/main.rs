//! tally over embedded parts, and over MongoDB's stand-in and a Redis Cluster: every step crashed, repeated, paused.

mod backlog;
mod binary;
mod counted;
mod flaky;
mod harness;
mod hidden;
mod http;
mod keys;
mod lost;
mod poison;
mod queue;
mod settled;
mod steps;
mod swept;
