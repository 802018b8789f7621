//! What a kubelet does: a process for each running pod of a service, at an address of its own, with the environment that
//! its manifest gives it, started again where it ends, and the pod's readiness; and what an ingress does: requests go to
//! pods that are ready.

mod environment;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{Gateway, Kubernetes, Process, http};
use tokio::task::JoinHandle;

use super::prometheus::{TARGETS, account};
use crate::up::binary;

/// Between two looks at the pods.
const LOOK: Duration = Duration::from_millis(300);
/// A probe's patience.
const PROBE: Duration = Duration::from_secs(2);
/// The services of the overlay, and the paths that lead to them; the first that fits is taken.
const ROUTES: [(&str, &str); 8] = [
    ("/yaml", "entrypoint"),
    ("/tenants", "entrypoint"),
    ("/tokens", "entrypoint"),
    ("/status", "status-worker"),
    ("/votes", "ingest"),
    ("/scores", "ingest"),
    ("/contests", "tally"),
    ("/", "console"),
];
/// All services.
pub const SERVICES: [&str; 7] =
    ["entrypoint", "ingest", "console", "yaml-manager", "cluster-applier", "status-worker", "tally"];

/// A pod's process.
#[derive(Debug, Clone)]
struct Running {
    service: String,
    url: String,
    process: Arc<Process>,
    ready: bool,
    pre_stop: Duration,
    grace: Duration,
}

type Shared = Arc<Mutex<BTreeMap<String, Running>>>;

/// Where the programs of an image's tag are.
type Images = Arc<Mutex<BTreeMap<String, PathBuf>>>;

/// The processes. They end with the last handle.
#[derive(Debug, Clone)]
pub struct Pods {
    running: Shared,
    images: Images,
    _following: Arc<Following>,
}

#[derive(Debug)]
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Kubelet {
    client: Client,
    folder: PathBuf,
    front: Arc<Gateway>,
    /// cluster-applier is told by its pod's token who it is.
    applier: PathBuf,
    running: Shared,
    images: Images,
    /// Addresses that were given; none is given twice, so that nobody meets a process that is still on its way out.
    given: AtomicU16,
}

impl Pods {
    /// Starts and ends processes from now on.
    pub async fn follow(kubernetes: &Kubernetes, folder: &Path, front: Arc<Gateway>) -> Result<Self> {
        let (running, images) = (Shared::default(), Images::default());
        let kubelet = Kubelet {
            client: kubernetes.client().await,
            folder: folder.to_owned(),
            front,
            applier: account(kubernetes, "cluster-applier"),
            running: Arc::clone(&running),
            images: Arc::clone(&images),
            given: AtomicU16::new(0),
        };
        let following = tokio::spawn(async move {
            loop {
                if let Err(error) = kubelet.look().await {
                    eprintln!("scaling: pods: {error:#}");
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(Self { running, images, _following: Arc::new(Following(following)) })
    }

    /// Says where the programs of images with this tag are; those of others are beside this one.
    pub fn provide(&self, tag: &str, folder: &Path) {
        self.images.lock().insert(tag.to_owned(), folder.to_owned());
    }

    /// How many processes of a service are ready.
    pub fn ready(&self, service: &str) -> usize {
        self.of(service).filter(|pod| pod.ready).count()
    }

    /// The addresses of a service's ready processes.
    pub fn urls(&self, service: &str) -> Vec<String> {
        urls(&self.running, service)
    }

    /// Each pod's name and its process.
    pub fn pids(&self) -> Vec<(String, u32)> {
        let running = self.running.lock();
        running.iter().filter_map(|(name, pod)| Some((name.clone(), pod.process.pid()?))).collect()
    }

    /// A service's processes of now.
    pub fn processes(&self, service: &str) -> Vec<Arc<Process>> {
        self.of(service).map(|pod| pod.process).collect()
    }

    /// Whether each service has a ready process.
    pub fn each_ready(&self) -> Result<(), String> {
        match SERVICES.into_iter().find(|service| self.ready(service) == 0) {
            None => Ok(()),
            Some(service) => {
                let tails: Vec<String> = self.of(service).map(|pod| pod.process.tail()).collect();
                Err(format!("{service} is not ready: {}", tails.join("\n")))
            }
        }
    }

    fn of(&self, service: &str) -> impl Iterator<Item = Running> {
        let all: Vec<Running> = self.running.lock().values().filter(|pod| pod.service == service).cloned().collect();
        all.into_iter()
    }
}

impl Kubelet {
    async fn look(&self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "marea");
        let listed = pods.list(&ListParams::default().labels("app.kubernetes.io/part-of=marea")).await?;
        let wanted: BTreeMap<String, Pod> = listed.items.into_iter().filter(runs).map(|p| (p.name_any(), p)).collect();
        let known: Vec<String> = self.running.lock().keys().cloned().collect();
        for name in known.iter().filter(|name| !wanted.contains_key(*name)) {
            self.stop(name);
        }
        for (name, pod) in wanted.iter().filter(|(name, _)| !known.contains(name)) {
            // What one pod lacks is not to keep the others from their routes.
            match self.start(name, pod).await {
                Ok(started) => drop(self.running.lock().insert(name.clone(), started)),
                Err(error) => eprintln!("scaling: {name} does not start: {error:#}"),
            }
        }
        self.start_again();
        self.probe().await;
        let routes = ROUTES.map(|(prefix, service)| (prefix, urls(&self.running, service)));
        self.front.set(&routes);
        self.tell_prometheus()?;
        self.tell_readiness(&pods, &wanted).await
    }

    /// Those that ended by themselves.
    fn start_again(&self) {
        let mut running = self.running.lock();
        for (name, pod) in running.iter_mut().filter(|(_, pod)| pod.process.has_ended()) {
            eprintln!("scaling: {name} ended and is started again\n{}", pod.process.tail());
            pod.ready = false;
            pod.process.restart();
        }
    }

    /// Says of each pod whether its process is ready: kwok calls all ready as soon as they run.
    async fn tell_readiness(&self, pods: &Api<Pod>, wanted: &BTreeMap<String, Pod>) -> Result<()> {
        for (name, pod) in wanted {
            let ready = self.running.lock().get(name).is_some_and(|running| running.ready);
            if ready == is_ready(pod) {
                continue;
            }
            let (status, now) = (if ready { "True" } else { "False" }, Timestamp::now());
            let conditions = ["ContainersReady", "Ready"]
                .map(|kind| json!({"type": kind, "status": status, "lastTransitionTime": now}));
            let patch = Patch::Strategic(json!({"status": {"conditions": conditions}}));
            match pods.patch_status(name, &PatchParams::default(), &patch).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                told => drop(told?),
            }
        }
        Ok(())
    }

    /// With the labels that Prometheus' own discovery would give. By rename: it reads whenever the file changes.
    fn tell_prometheus(&self) -> Result<()> {
        let target = |(name, pod): (&String, &Running)| {
            json!({"targets": [pod.url.trim_start_matches("http://")], "labels": {
                "__meta_kubernetes_namespace": "marea",
                "__meta_kubernetes_pod_name": name,
                "__meta_kubernetes_pod_phase": "Running",
                "__meta_kubernetes_pod_container_name": "service",
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": pod.service,
            }})
        };
        let targets: Vec<Value> = self.running.lock().iter().map(target).collect();
        let (path, text) = (self.folder.join(TARGETS), Value::from(targets).to_string());
        if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        std::fs::write(path.with_extension("new"), &text)?;
        Ok(std::fs::rename(path.with_extension("new"), path)?)
    }

    async fn start(&self, name: &str, pod: &Pod) -> Result<Running> {
        let spec = pod.spec.as_ref().context("a pod without spec")?;
        let container = service_of(pod).context("a pod without the container `service`")?;
        let service = pod.labels().get("app.kubernetes.io/name").context("a pod without name")?.clone();
        let ip = self.address();
        let port = container.ports.iter().flatten().next().context("a container without port")?.container_port;
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let tag = container.image.as_deref().and_then(|image| image.rsplit_once(':')).map_or("", |(_, tag)| tag);
        let provided = self.images.lock().get(tag).map(|folder| folder.join(&service));
        let mut command = Command::new(provided.map_or_else(|| binary(&service), Ok)?);
        for (variable, _) in std::env::vars_os().filter(|(v, _)| v.to_string_lossy().starts_with("MAREA_")) {
            command.env_remove(variable);
        }
        let environment = environment::of(&self.client, container, &folder).await?;
        command.current_dir(&folder).envs(environment).env("MAREA_LISTEN", format!("{ip}:{port}"));
        if service == "cluster-applier" {
            command.env("MAREA_KUBECONFIG", &self.applier);
        }
        let process = Arc::new(Process::start(name, command, &folder.join("log")));
        let pre_stop = pre_stop(container);
        let grace = Duration::from_secs(spec.termination_grace_period_seconds.unwrap_or(30).max(0).cast_unsigned());
        Ok(Running { service, url: format!("http://{ip}:{port}"), process, ready: false, pre_stop, grace })
    }

    /// Of loopback, another part for each run of this program.
    fn address(&self) -> Ipv4Addr {
        let [high, low] = (self.given.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes();
        let own = 128 + std::process::id() % 100;
        Ipv4Addr::new(127, own as u8, high, low)
    }

    /// Takes the pod out of the routes at once, and ends its process as a kubelet does.
    fn stop(&self, name: &str) {
        let Some(pod) = self.running.lock().remove(name) else { return };
        tokio::spawn(async move {
            tokio::time::sleep(pod.pre_stop).await;
            pod.process.terminate();
            if pod.process.ended(pod.grace.saturating_sub(pod.pre_stop)).await.is_err() {
                eprintln!("scaling: a process of {} outlived its grace", pod.service);
            }
        });
    }

    async fn probe(&self) {
        let all: Vec<(String, Running)> = self.running.lock().iter().map(|(n, p)| (n.clone(), p.clone())).collect();
        // Only until it is ready: what is paused by this very harness is to stay in the routes.
        let waiting = all.into_iter().filter(|(_, pod)| !pod.ready);
        let probes = waiting.map(|(name, pod)| async move {
            let asked = http().get(format!("{}/readyz", pod.url)).timeout(PROBE).send().await;
            asked.is_ok_and(|answer| answer.status().is_success()).then_some(name)
        });
        for name in futures::future::join_all(probes).await.into_iter().flatten() {
            if let Some(pod) = self.running.lock().get_mut(&name) {
                pod.ready = true;
            }
        }
    }
}

fn urls(running: &Shared, service: &str) -> Vec<String> {
    let running = running.lock();
    running.values().filter(|pod| pod.ready && pod.service == service).map(|pod| pod.url.clone()).collect()
}

fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && phase == Some("Running") && service_of(pod).is_some()
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn service_of(pod: &Pod) -> Option<&Container> {
    pod.spec.as_ref()?.containers.iter().find(|container| container.name == "service")
}

fn pre_stop(container: &Container) -> Duration {
    let sleep = container.lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref()).and_then(|p| p.sleep.as_ref());
    Duration::from_secs(sleep.map_or(0, |sleep| sleep.seconds.max(0).cast_unsigned()))
}
