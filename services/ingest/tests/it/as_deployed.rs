//! The whole contest line as it is deployed: processes of ingest and tally over a broker of three nodes, a Redis
//! Cluster of six and MongoDB's stand-in. What is acknowledged counts once, whatever is killed or paused meanwhile,
//! and while the numbers of queues and slots change.
//!
//! The longest of these tests: by this name they are begun first, for a test binary goes by the alphabet.
//!
//! `TESTKIT_SEED` repeats a run's choices, `TESTKIT_MINUTES` makes it longer, `TESTKIT_RATE` sets ballots a second.
//! With `TESTKIT_LOG=embedded` the log is that of `marea up` over the same broker and Redis, beside another ingest.

mod clients;
mod faults;
mod platform;
mod poison;
mod records;
mod rescale;
mod survival;
mod verdict;
mod watch;
