//! The same suites on the real API server 1.35.

use sandbox::{Options as SandboxOptions, Sandbox};
use testkit::{Kubernetes, Options};

use crate::{behaviours, caller::Caller, random};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_api_server_passes_the_sandboxes_suite_and_agrees_on_random_applies() {
    let Some(cluster) = Kubernetes::start(Options::api_server_only()).await else { return };
    behaviours::all(cluster.client().await, "behaviours").await;
    let sandbox = Sandbox::new(SandboxOptions::default());
    let real = Caller::new(cluster.client().await, "random").await;
    let simulated = Caller::new(sandbox.client(), "random").await;
    random::compare(&real, &simulated).await;
}
