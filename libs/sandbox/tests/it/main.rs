//! The sandbox through `kube::Client`.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests may")]

mod behaviours;
mod caller;
mod durable;
mod life;
mod many;
mod random;
mod real;
mod sandbox;
