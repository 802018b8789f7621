//! Load on one service, until its autoscaler has answered and what it asked for runs.

mod load;

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

pub use load::{LOADS, Load};

use super::{cluster::Cluster, observe::Sample};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Longest from load to decision: scraping, rules, the adapter's first look at a new metric, two syncs.
const WITHIN: f64 = 240.0;
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
    /// Finds how far it went, for a later look may ask for more than the first, and when it came down, in what was seen
    /// until the end.
    pub fn look_down(&mut self, samples: &[Sample]) {
        let under_load = samples.iter().filter(|sample| sample.at > self.began);
        let most = under_load.map(|sample| sample.services[self.service].desired).max();
        self.peak = most.unwrap_or(self.peak);
        let first = |fits: &dyn Fn(i32) -> bool| {
            let peaked = samples.iter().rposition(|sample| sample.services[self.service].desired == self.peak)?;
            let after = &samples[peaked..];
            after.iter().find(|sample| fits(sample.services[self.service].desired)).map(|sample| sample.at)
        };
        (self.down, self.one) = (first(&|n| n < self.peak), first(&|n| n == 1));
    }
}

/// Puts load on services and awaits what comes of it.
pub async fn up(cluster: &Cluster, load: &'static Load) -> Result<Vec<Driven>> {
    let observer = &cluster.observer;
    let began = observer.now();
    let mut watched = vec![];
    for service in load.services {
        watched.push(Watched::new(cluster, load, service).await?);
    }
    let acting = load.start(cluster).await?;
    while !watched.iter().all(|watched| watched.is_settled(observer.now())) {
        tokio::time::sleep(LOOK).await;
        for watched in &mut watched {
            watched.look(cluster).await?;
        }
        let late: Vec<&Watched> = watched.iter().filter(|watched| watched.served.is_none()).collect();
        ensure!(late.is_empty() || observer.now() < began + WITHIN, "not in time: {late:?}");
    }
    watched.iter_mut().for_each(|watched| watched.peak = observer.desired(watched.service));
    drop(acting);
    let ended = observer.now();
    let mut driven = vec![];
    for watched in watched {
        let drained = if load.is_backlog() { Some(drained(cluster, &watched).await?) } else { None };
        driven.push(watched.driven(ended, drained)?);
    }
    Ok(driven)
}

/// What is known of a service under load so far.
#[derive(Debug)]
struct Watched {
    service: &'static str,
    load: String,
    is_backlog: bool,
    query: String,
    target: f64,
    before: i32,
    began: Option<f64>,
    told: Option<f64>,
    decided: Option<f64>,
    served: Option<f64>,
    peak: i32,
}

impl Watched {
    async fn new(cluster: &Cluster, load: &Load, service: &'static str) -> Result<Self> {
        let before = cluster.observer.desired(service).max(1);
        ensure!(before == 1, "{service} has {before} pods before its load: others' load was too much");
        Ok(Self {
            service,
            load: load.to_string(),
            is_backlog: load.is_backlog(),
            query: load.query(service),
            target: cluster.observer.target(service).await?,
            before,
            began: None,
            told: None,
            decided: None,
            served: None,
            peak: before,
        })
    }

    fn is_settled(&self, now: f64) -> bool {
        self.served.is_some() && self.decided.is_some_and(|at| now >= at + SETTLED)
    }

    async fn look(&mut self, cluster: &Cluster) -> Result<()> {
        let (now, desired) = (cluster.observer.now(), cluster.observer.desired(self.service));
        // Requests come at their pace from the start; a backlog is load once it is over what one pod is to have.
        if self.began.is_none() && (!self.is_backlog || cluster.depth(self.service).await? > self.target) {
            self.began = Some(now);
        }
        if self.told.is_none() && cluster.prometheus.value(&self.query).await?.is_some_and(|v| v > self.target) {
            self.told = Some(now);
        }
        if desired > self.before {
            self.decided = self.decided.or(Some(now));
            let whole = cluster.pods.ready(self.service) >= usize::try_from(desired)?;
            self.served = if whole { self.served.or(Some(now)) } else { None };
        }
        Ok(())
    }

    fn driven(self, ended: f64, drained: Option<f64>) -> Result<Driven> {
        let told = "the rule never told of it";
        Ok(Driven {
            service: self.service,
            load: self.load,
            began: self.began.context("never over its target")?,
            told: self.told.context(told)?,
            decided: self.decided.context(told)?,
            served: self.served.context(told)?,
            peak: self.peak,
            ended,
            drained,
            down: None,
            one: None,
        })
    }
}

async fn drained(cluster: &Cluster, watched: &Watched) -> Result<f64> {
    let began = cluster.observer.now();
    loop {
        let now = cluster.observer.now();
        if cluster.depth(watched.service).await? == 0.0 {
            return Ok(now);
        }
        ensure!(now < began + DRAINED, "the backlog of {} is still there", watched.service);
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
        let after = |at: f64| format!("{:.0} s", at - d.began);
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
