//! Ballots over HTTP and gRPC, on embedded parts and on real servers, and what only a real broker can show.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod as_deployed;
mod bad;
mod behaviour;
mod calls;
mod close;
mod faults;
mod grpc;
mod harness;
mod operator;
mod queues;
mod raw;
mod slow;
