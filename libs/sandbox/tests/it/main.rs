//! The sandbox through `kube::Client`.

mod behaviours;
mod caller;
mod life;
mod sandbox;
mod speed;
