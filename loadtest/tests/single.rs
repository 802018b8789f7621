//! `k8s/overlays/single`, applied to a real API server whose controllers and scheduler act on it. kwok runs no container:
//! what is shown is that everything is taken, scheduled under Pod Security *restricted*, has its volumes, is found by its
//! Services and guarded by its budgets. The same with real processes is `make bench ARGS=scaling`.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{PersistentVolumeClaim, Service},
    discovery::v1::EndpointSlice,
    policy::v1::PodDisruptionBudget,
};
use kube::{Api, Client, Resource, ResourceExt as _, api::ListParams};
use serde::de::DeserializeOwned;
use testkit::{Kubernetes, Options, until};

/// Images are not pulled, but two cores may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// The suite's own.
const SERVICES: [&str; 7] =
    ["cluster-applier", "console", "entrypoint", "ingest", "status-worker", "tally", "yaml-manager"];

/// All of a kind, in every namespace; the API server's own Service aside.
async fn all<K>(client: &Client) -> Result<Vec<K>, String>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let list = Api::<K>::all(client.clone()).list(&ListParams::default()).await.map_err(|e| e.to_string())?;
    Ok(list.items.into_iter().filter(|object| object.namespace().as_deref() != Some("default")).collect())
}

/// Those that are not as they should be.
fn none(what: &str, wrong: Vec<String>) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(format!("{what}: {}", wrong.join(", "))) }
}

/// Names of the workloads, once each has all the replicas that it asks for.
async fn workloads(client: &Client) -> Result<BTreeSet<String>, String> {
    let (mut names, mut waiting) = (BTreeSet::new(), Vec::new());
    let mut note = |name: String, wanted: Option<i32>, ready: Option<i32>| {
        if ready.unwrap_or(0) < wanted.unwrap_or(1) {
            waiting.push(format!("{name} has {ready:?} of {wanted:?}"));
        }
        names.insert(name);
    };
    for one in all::<Deployment>(client).await? {
        let ready = one.status.as_ref().and_then(|status| status.available_replicas);
        note(one.name_any(), one.spec.and_then(|spec| spec.replicas), ready);
    }
    for one in all::<StatefulSet>(client).await? {
        let ready = one.status.as_ref().and_then(|status| status.ready_replicas);
        note(one.name_any(), one.spec.and_then(|spec| spec.replicas), ready);
    }
    none("not ready", waiting)?;
    Ok(names)
}

/// Whether each Service that selects pods finds one that is ready.
async fn services_find_pods(client: &Client) -> Result<(), String> {
    let slices = all::<EndpointSlice>(client).await?;
    let mut found = BTreeSet::new();
    for slice in &slices {
        let ready = |endpoint: &k8s_openapi::api::discovery::v1::Endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
        };
        if slice.endpoints.iter().any(ready) {
            found.extend(slice.labels().get("kubernetes.io/service-name").cloned());
        }
    }
    let selecting = all::<Service>(client).await?.into_iter().filter(|service| {
        service.spec.as_ref().and_then(|spec| spec.selector.as_ref()).is_some_and(|selector| !selector.is_empty())
    });
    none("find no pod", selecting.map(|service| service.name_any()).filter(|name| !found.contains(name)).collect())
}

/// Whether each budget guards pods.
async fn budgets_guard_pods(client: &Client) -> Result<(), String> {
    let budgets = all::<PodDisruptionBudget>(client).await?.into_iter();
    let guards = |budget: &PodDisruptionBudget| budget.status.as_ref().is_some_and(|status| status.expected_pods > 0);
    none("guard nothing", budgets.filter(|budget| !guards(budget)).map(|budget| budget.name_any()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_becomes_ready_on_an_empty_cluster() {
    let Some(kubernetes) = Kubernetes::start(Options { nodes: 2, ..Options::default() }).await else { return };
    let mut kubectl = kubernetes.kubectl().expect("it comes with the API server");
    let overlay = testkit::workspace().join("k8s/overlays/single");
    let applied = kubectl.args(["apply", "--server-side", "-k"]).arg(overlay).output().expect("kubectl runs");
    let said = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success() && !said.contains("Warning"), "{said}");
    let client = kubernetes.client().await;
    let names = until("every workload", PATIENCE, || workloads(&client)).await.expect("all are ready");
    let missing: Vec<_> = SERVICES.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {names:?}");
    let bound = until("every volume", PATIENCE, async || {
        let claims = all::<PersistentVolumeClaim>(&client).await?.into_iter();
        let is_bound = |claim: &PersistentVolumeClaim| {
            claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
        };
        none("not bound", claims.filter(|claim| !is_bound(claim)).map(|claim| claim.name_any()).collect())
    });
    bound.await.expect("all are bound");
    until("every Service", PATIENCE, || services_find_pods(&client)).await.expect("each finds pods");
    until("every budget", PATIENCE, || budgets_guard_pods(&client)).await.expect("each guards pods");
    let scalers = all::<HorizontalPodAutoscaler>(&client).await.expect("a list");
    let targets: BTreeSet<_> =
        scalers.iter().map(|scaler| scaler.spec.as_ref().expect("a spec").scale_target_ref.name.clone()).collect();
    assert!(SERVICES.iter().all(|name| targets.contains(*name)), "{targets:?}");
}
