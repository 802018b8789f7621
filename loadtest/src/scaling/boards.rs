//! Every query of every board and rule, on a Prometheus that scrapes the running services under load; then faults, until
//! the alarms that tell of them have fired, and ended.

mod exporters;
mod faults;
mod queries;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use client::{Client, Upload};
use domain::SourceFile;
use testkit::http;

use self::{exporters::Exporters, queries::Query};
use super::{cluster::Cluster, study::locust};

/// People at work meanwhile.
const USERS: u32 = 40;
/// Longest that they work: all is asked and every alarm has ended before.
const SECONDS: u32 = 2_400;
/// Between two looks: a rule's interval.
const LOOK: Duration = Duration::from_secs(10);
/// Longest until a query has data: the load's first tasks, a sweep, two scrapes for a rate.
const ANSWERED: Duration = Duration::from_secs(300);
/// What a tenant has beside what people send: something that is paid for.
const RENTED: &str = r"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: rented}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rented}
spec:
  selector: {matchLabels: {app: rented}}
  template:
    metadata: {labels: {app: rented}}
    spec:
      containers:
        - name: main
          image: registry.example/rented:1
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 100m, memory: 64Mi}}
";

/// Asks all, then does harm. Prints what had data and which alarms fired.
///
/// # Errors
/// Where a query has no data, an alarm does not fire, or one does not end.
pub async fn measure(think: &str) -> Result<()> {
    let queries = queries::all()?;
    let cluster = Cluster::start(true).await?;
    let _exporters = Exporters::start(&cluster).await?;
    let files = vec![SourceFile { name: "rented.yaml".into(), content: RENTED.into() }];
    cluster.client.submit(&Upload { files, ..Upload::default() }).await.context("the tenant's own task")?;
    let work = async {
        asked(&cluster, &queries).await?;
        faults::all(&cluster).await
    };
    let told = tokio::select! {
        told = locust(&cluster, USERS, SECONDS, think) => bail!("the load ended first: {}", told?.len()),
        never = scores(&cluster) => return never,
        told = work => told?,
    };
    println!("{} queries of boards and rules have data; {}", queries.len(), told.join("; "));
    Ok(())
}

/// Asks each query until it has data.
async fn asked(cluster: &Cluster, queries: &[Query]) -> Result<()> {
    cluster.admin.rebuild("bands").await.context("a rebuild")?;
    let mut open: Vec<&Query> = queries.iter().collect();
    let began = tokio::time::Instant::now();
    while !open.is_empty() && began.elapsed() < ANSWERED {
        tokio::time::sleep(LOOK).await;
        let mut still = vec![];
        for query in open {
            if !query.has_data(&cluster.prometheus).await? {
                still.push(query);
            }
        }
        open = still;
        eprintln!(
            "boards: {:.0} s, {} of {} are without data",
            began.elapsed().as_secs_f64(),
            open.len(),
            queries.len()
        );
    }
    let named: Vec<String> = open.iter().map(|query| query.to_string()).collect();
    ensure!(open.is_empty(), "without data:\n{}", named.join("\n"));
    Ok(())
}

/// Scores, and ballots that are refused, for ever: people send votes only.
async fn scores(cluster: &Cluster) -> Result<()> {
    let score = r#"{"student":"Ana","age":20,"faculty":"engineering","discipline":"boxing"}"#;
    loop {
        for (path, ballot) in [("scores", score), ("votes", r#"{"name":"Malacates","rank":9}"#)] {
            let url = format!("{}/{path}", cluster.front.url);
            let request = http().post(url).header("content-type", "application/json").bearer_auth(&cluster.token);
            // Refused or not: some of them meet a fault.
            drop(request.body(ballot).send().await);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A client of an entrypoint itself: what an operator alone asks for has no route from outside.
fn operator(cluster: &Cluster) -> Result<Client> {
    let url = cluster.pods.urls("entrypoint").pop().context("no entrypoint is ready")?;
    Ok(Client::new(&url, Some(cluster.admin_token.clone()))?)
}
