//! The whole line as it is deployed: two replicas a service, each a process of its own, over a broker, a
//! Redis Cluster, an object store and a Kubernetes API server, with least rights.

mod kills;
mod laptop;
mod life;
pub mod manifests;
mod platform;
mod rights;
mod silent;
