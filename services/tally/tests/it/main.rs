//! tally over embedded parts, and over MongoDB's stand-in and a Redis Cluster: every step crashed, repeated, paused.

mod binary;
mod counted;
mod flaky;
mod harness;
mod http;
mod lost;
mod poison;
mod queue;
mod settled;
mod steps;
mod swept;
