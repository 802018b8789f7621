//! Who writes down each second what the autoscalers want and what there is.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::pods::{Pods, SERVICES};

const LOOK: Duration = Duration::from_secs(1);

/// What there was at a time.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Seconds since the observer started.
    pub at: f64,
    /// Each service's replicas.
    pub services: BTreeMap<String, Replicas>,
}

/// Of one service.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Replicas {
    /// What the autoscaler wants; without one what there is.
    pub desired: i32,
    /// Processes that are ready.
    pub ready: usize,
}

/// Observes until it is dropped.
pub struct Observer {
    began: Instant,
    samples: Arc<Mutex<Vec<Sample>>>,
    autoscalers: Api<HorizontalPodAutoscaler>,
    looking: JoinHandle<()>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Observer {
    /// Starts to look.
    pub fn start(client: Client, pods: Pods) -> Self {
        let began = Instant::now();
        let samples = Arc::<Mutex<Vec<Sample>>>::default();
        let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client, "marea");
        let (into, from) = (Arc::clone(&samples), autoscalers.clone());
        let looking = tokio::spawn(async move {
            loop {
                match from.list(&ListParams::default()).await {
                    Ok(list) => {
                        let sample = sample(began, &list.items, &pods);
                        into.lock().push(sample);
                    }
                    Err(error) => eprintln!("scaling: autoscalers: {error}"),
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { began, samples, autoscalers, looking }
    }

    /// Seconds since it started.
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// All of it until now.
    pub fn samples(&self) -> Vec<Sample> {
        self.samples.lock().clone()
    }

    /// The replicas of a service that its autoscaler wants now.
    pub fn desired(&self, service: &str) -> i32 {
        self.last().and_then(|sample| sample.services.get(service).copied()).map_or(0, |replicas| replicas.desired)
    }

    /// Whether each service has one process, and is to have no more.
    pub fn all_at_one(&self) -> bool {
        self.last().is_some_and(|sample| sample.services.values().all(|r| r.desired == 1 && r.ready == 1))
    }

    /// Why an autoscaler does not act, in its own words.
    pub async fn condition(&self, service: &str) -> Result<String> {
        let status = self.autoscalers.get(service).await?.status.context("an autoscaler without status")?;
        let active = status.conditions.into_iter().flatten().find(|c| c.type_ == "ScalingActive");
        let active = active.context("an autoscaler that does not say whether it is active")?;
        Ok(format!("ScalingActive {}, {}", active.status, active.reason.unwrap_or_default()))
    }

    /// What an autoscaler wants its metric to be, a pod.
    pub async fn target(&self, service: &str) -> Result<f64> {
        let metrics = self.autoscalers.get(service).await?.spec.and_then(|spec| spec.metrics).unwrap_or_default();
        let metric = metrics.into_iter().next().context("an autoscaler without metric")?;
        let target = metric.external.map(|m| m.target).or(metric.pods.map(|m| m.target));
        let value = target.and_then(|target| target.average_value).context("an autoscaler without target")?.0;
        let (number, unit) = match value.strip_suffix('k') {
            Some(number) => (number, 1e3),
            None => (value.as_str(), 1.0),
        };
        Ok(number.parse::<f64>()? * unit)
    }

    fn last(&self) -> Option<Sample> {
        self.samples.lock().last().cloned()
    }
}

fn sample(began: Instant, autoscalers: &[HorizontalPodAutoscaler], pods: &Pods) -> Sample {
    let services = SERVICES.map(|service| {
        let ready = pods.ready(service);
        let status = autoscalers.iter().find(|a| a.name_any() == service).and_then(|a| a.status.as_ref());
        // One that never had a metric wants 0, and leaves what there is.
        let wanted = status.map(|status| status.desired_replicas.max(status.current_replicas.unwrap_or(0).min(1)));
        let desired = wanted.unwrap_or(i32::try_from(ready).unwrap_or(i32::MAX));
        (service.to_owned(), Replicas { desired, ready })
    });
    Sample { at: began.elapsed().as_secs_f64(), services: services.into() }
}
