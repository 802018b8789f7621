//! Load on one service, until its autoscaler has answered and what it asked for runs.

mod load;

use std::{fmt::Write as _, time::Duration};

use anyhow::{Result, ensure};
use serde::Serialize;

pub use load::{LOADS, Load};

use super::{cluster::Cluster, observe::Sample};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Longest from load to decision: scraping, rules, the adapter's first look at a new metric, two syncs.
const WITHIN: f64 = 150.0;
/// After the decision: the next sync may ask for more.
const SETTLED: f64 = 20.0;
/// Longest until a backlog is gone.
const DRAINED: f64 = 180.0;

/// What a load did. Times are seconds since the observer started.
#[derive(Debug, Serialize)]
pub struct Driven {
    service: &'static str,
    load: String,
    began: f64,
    /// When Prometheus' rule told more than the target of one pod.
    told: f64,
    /// When the autoscaler wanted more than before.
    decided: f64,
    /// When all that it wanted was ready.
    served: f64,
    peak: i32,
    ended: f64,
    /// When the backlog was gone, where there was one.
    drained: Option<f64>,
    /// When it first wanted less than the peak.
    down: Option<f64>,
    /// When one pod was enough again.
    one: Option<f64>,
}

impl Driven {
    /// Finds when it went down, in what was seen until the end.
    pub fn look_down(&mut self, samples: &[Sample]) {
        let first = |fits: &dyn Fn(i32) -> bool| {
            let after = samples.iter().filter(|sample| sample.at > self.ended);
            after.filter(|sample| fits(sample.services[self.service].desired)).map(|sample| sample.at).next()
        };
        (self.down, self.one) = (first(&|n| n < self.peak), first(&|n| n == 1));
    }
}

/// Puts load on a service and awaits what comes of it.
pub async fn up(cluster: &Cluster, load: &Load) -> Result<Driven> {
    let observer = &cluster.observer;
    let (before, target) = (observer.desired(load.service).max(1), observer.target(load.service).await?);
    let began = observer.now();
    let acting = load.start(cluster).await?;
    let (mut told, mut decided, mut served) = (None, None, None);
    while served.is_none() || decided.is_some_and(|at| observer.now() < at + SETTLED) {
        tokio::time::sleep(LOOK).await;
        let (now, desired) = (observer.now(), observer.desired(load.service));
        if told.is_none() && cluster.prometheus.value(&load.query()).await?.is_some_and(|value| value > target) {
            told = Some(now);
        }
        if decided.is_none() && desired > before {
            decided = Some(now);
        }
        let whole = desired > before && cluster.pods.ready(load.service) >= usize::try_from(desired)?;
        served = if whole { served.or(Some(now)) } else { None };
        ensure!(
            now < began + WITHIN,
            "still {desired} pods wanted, told {told:?}: {}",
            observer.condition(load.service).await?
        );
    }
    let peak = observer.desired(load.service);
    drop(acting);
    let ended = observer.now();
    let drained = if load.is_backlog() { Some(drained(cluster, load).await?) } else { None };
    let unset = f64::NAN;
    Ok(Driven {
        service: load.service,
        load: load.to_string(),
        began,
        told: told.unwrap_or(unset),
        decided: decided.unwrap_or(unset),
        served: served.unwrap_or(unset),
        peak,
        ended,
        drained,
        down: None,
        one: None,
    })
}

async fn drained(cluster: &Cluster, load: &Load) -> Result<f64> {
    let began = cluster.observer.now();
    loop {
        let now = cluster.observer.now();
        if cluster.prometheus.value(&load.query()).await? == Some(0.0) {
            return Ok(now);
        }
        ensure!(now < began + DRAINED, "the backlog is still there");
        tokio::time::sleep(LOOK).await;
    }
}

/// The table for the document.
pub fn markdown(driven: &[Driven]) -> String {
    let mut text = String::from(
        "| service | load | rule over target | autoscaler decides | its pods are ready | pods | load ends → first step down | → one pod |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for d in driven {
        let after = |at: f64| if at.is_nan() { "–".to_owned() } else { format!("{:.0} s", at - d.began) };
        let end = d.drained.unwrap_or(d.ended);
        let later = |at: Option<f64>| at.map_or("–".to_owned(), |at| format!("{:.0} s", at - end));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            d.service,
            d.load,
            after(d.told),
            after(d.decided),
            after(d.served),
            d.peak,
            later(d.down),
            later(d.one)
        );
    }
    text
}
