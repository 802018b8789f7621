//! An in-process Kubernetes API behind [`kube::Client`]: enough of release 1.35 for the apply engine and the
//! command line to be tried without a cluster. No container runs; all that it says is marked *simulated*.
//!
//! `store` keeps objects and the log of their changes; `api` turns a request and a view of the store into an
//! answer and at most one write; `controllers` turn a view into requests, which go through `api` like anybody's,
//! under the names of the real controllers and on a clock of their own. Those three never do I/O and never ask for
//! the time. What is not simulated answers 501 with a sentence, never success. `docs/sandbox.md` lists what differs.

mod api;
mod clock;
mod cluster;
mod controllers;
mod failure;
pub mod faults;
mod http;
mod journal;
mod json;
mod merge;
mod resource;
mod selector;
mod store;

use std::{sync::Arc, time::Duration};

use kube::Client;
use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use controllers::stages::kwok_stages;
pub use journal::{Change, Error, Journal, Restored};

use crate::cluster::Cluster;

/// The label, annotation and header names under which the sandbox is steered and says what it is.
pub mod names {
    /// Of a pod template: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable` or `OOMKilled`.
    pub const OUTCOME: &str = "sandbox.marea.dev/outcome";
    /// Of a pod template: how long a pod that ends runs, for example `3s`.
    pub const RUN_FOR: &str = "sandbox.marea.dev/run-for";
    /// Of a pod template: the share of its CPU request that a pod uses, for example `80%`.
    pub const CPU: &str = "sandbox.marea.dev/cpu";
    /// The header of every answer; its value is `true`.
    pub const HEADER: &str = "x-marea-simulated";
}

/// How a sandbox is made.
#[derive(Clone)]
pub struct Options {
    /// Makes uids, delays and addresses; the same seed and calls give the same cluster.
    pub seed: u64,
    /// The clock of the controllers.
    pub clock: Clock,
    /// How many changes watchers may lag behind before they are answered 410.
    pub history: usize,
    /// Where changes are written before they are answered.
    pub journal: Option<Arc<dyn Journal>>,
    /// What an earlier sandbox left.
    pub restored: Option<Restored>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, clock: Clock::Real, history: 10_000, journal: None, restored: None }
    }
}

/// A simulated cluster. Clones are the same one.
#[derive(Clone)]
pub struct Sandbox(Arc<Cluster>);

impl Sandbox {
    /// A cluster with the namespaces `default`, `kube-system`, `kube-public` and `kube-node-lease`, or the restored one.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Cluster::new(options)))
    }

    /// A client of this cluster. It asks for no retries, and needs a Tokio runtime.
    pub fn client(&self) -> Client {
        Client::new(self.service(), "default")
    }

    /// The tower service below [`Sandbox::client`], to put layers around, for example [`faults::Layer`].
    pub fn service(&self) -> http::Service {
        http::Service::new(self.0.clone())
    }

    /// Drives the controllers until `shutdown`: on every change, and when something falls due. Costs nothing while
    /// nothing happens. Without it, or [`Sandbox::advance`], objects are stored and nothing becomes of them.
    pub async fn run(&self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.0.drive()).await;
    }

    /// Moves a manual clock on, and lets the controllers do all that falls due on the way.
    ///
    /// # Panics
    /// If the clock is the real one.
    pub async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }

    /// Everything, as bytes for [`Sandbox::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        self.0.snapshot()
    }

    /// The cluster of a [`Sandbox::snapshot`]; its `options.restored` and `options.seed` are set from there.
    pub fn restore(bytes: &[u8], options: Options) -> Result<Self, Error> {
        let (restored, seed) = journal::parse(bytes)?;
        Ok(Self::new(Options { restored: Some(restored), seed, ..options }))
    }

    /// The virtual time.
    pub fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }
}
