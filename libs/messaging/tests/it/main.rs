//! The contract that every bus keeps, and what only a real broker can show.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod ballots;
mod contract;
mod crashes;
mod embedded;
mod failures;
mod hold;
mod rabbitmq;
mod support;
