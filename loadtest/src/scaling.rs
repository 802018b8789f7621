//! Scaling for real: the manifests of `k8s/overlays/single` on a real API server with its controllers, a real process
//! for each pod that an autoscaler asks for, RabbitMQ, Prometheus and prometheus-adapter.
//!
//! What is not real is the kubelet: kwok says that a pod runs, and [`pods`] starts and ends its process.

pub mod boards;
mod cluster;
pub mod drill;
mod drive;
mod observe;
mod overlay;
mod plot;
mod pods;
mod prometheus;
pub mod study;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use testkit::until;

use cluster::Cluster;
use drive::{Driven, LOADS, Load};
use observe::Sample;

/// How long metrics stay away: their last word holds for 2 minutes, the window of scaling down is 5.
const AWAY: f64 = 450.0;
/// Longest until everything is back at one pod: the window, and a pod a minute.
const DOWN: Duration = Duration::from_secs(1_200);
/// Services whose metric is taken away: one of each kind.
const VANISHING: [&str; 2] = ["entrypoint", "yaml-manager"];

/// What a run gives.
#[derive(Debug, Serialize)]
pub struct Report {
    driven: Vec<Driven>,
    vanished: Vec<Vanished>,
    samples: Vec<Sample>,
}

/// A service whose metric was taken away at its most replicas, after its load had ended.
#[derive(Debug, Serialize)]
struct Vanished {
    service: &'static str,
    replicas_before: i32,
    replicas_after: i32,
    seconds: f64,
    condition: String,
}

/// Every service (or only these) up by load, down by its end; two of them without a metric in between. Prints a table,
/// writes plots.
///
/// # Errors
/// Where a service does not scale as it should.
pub async fn measure(only: &[String]) -> Result<()> {
    let cluster = Cluster::start(true).await?;
    let (mut driven, mut away) = (vec![], vec![]);
    let wanted =
        |load: &&Load| only.is_empty() || load.services.iter().any(|service| only.iter().any(|o| o == service));
    for load in LOADS.iter().filter(wanted) {
        eprintln!("scaling: load on {}: {load}", load.services.join(", "));
        driven.extend(drive::up(&cluster, load).await.with_context(|| load.services.join(", "))?);
        eprintln!("{}", drive::markdown(&driven));
        for service in load.services.iter().filter(|service| VANISHING.contains(service)) {
            away.push(Away { service, replicas: cluster.observer.desired(service), since: cluster.observer.now() });
            cluster.prometheus.without(&away.iter().map(|away| away.service).collect::<Vec<_>>()).await?;
        }
    }
    let vanished = vanished(&cluster, &away).await?;
    eprintln!("scaling: {vanished:?}");
    let all_down = || async { cluster.observer.all_at_one().then_some(()).ok_or("some have more than one pod") };
    until("one pod of each", DOWN, all_down).await.map_err(anyhow::Error::msg)?;
    let samples = cluster.observer.samples();
    driven.iter_mut().for_each(|d| d.look_down(&samples));
    let report = Report { driven, vanished, samples };
    if only.is_empty() {
        write("scaling.json", &serde_json::to_string(&report)?)?;
        plot::replicas("scaling.svg", &report.samples)?;
    }
    println!("{}", drive::markdown(&report.driven));
    for v in &report.vanished {
        println!(
            "{}: {} replicas, after {:.0} s without a metric {} ({})",
            v.service, v.replicas_before, v.seconds, v.replicas_after, v.condition
        );
    }
    ensure!(report.vanished.iter().all(|v| v.replicas_after >= v.replicas_before), "a gap was taken for a zero");
    Ok(())
}

/// A service whose metric was taken away when its load had just ended.
struct Away {
    service: &'static str,
    replicas: i32,
    since: f64,
}

/// Awaits that metrics were away for longer than anything holds them, and gives them back.
async fn vanished(cluster: &Cluster, away: &[Away]) -> Result<Vec<Vanished>> {
    let last = away.iter().map(|away| away.since).fold(0.0, f64::max);
    let until = Duration::from_secs_f64(last + AWAY - cluster.observer.now());
    tokio::time::sleep(until).await;
    let mut vanished = vec![];
    for away in away {
        vanished.push(Vanished {
            service: away.service,
            replicas_before: away.replicas,
            replicas_after: cluster.observer.desired(away.service),
            seconds: cluster.observer.now() - away.since,
            condition: cluster.observer.condition(away.service).await?,
        });
    }
    cluster.prometheus.without(&[]).await?;
    Ok(vanished)
}

/// Writes a result beside the document that shows it.
fn write(name: &str, content: &str) -> Result<()> {
    let path = folder()?.join(name);
    std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Where results are.
fn folder() -> Result<PathBuf> {
    let folder = testkit::workspace().join("docs/scaling");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
