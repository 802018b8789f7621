//! The sandbox through `kube::Client`.

mod behaviours;
mod caller;
mod life;
mod random;
mod real;
mod sandbox;
mod speed;
