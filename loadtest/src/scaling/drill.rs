//! The upgrade drill: every service replaced, old and new side by side, then a node drained, while people work.

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Result, ensure};

use super::{
    cluster::Cluster,
    pods::SERVICES,
    study::{Told, locust},
};

/// People at work.
const USERS: u32 = 40;
/// Pods of each service, as the base has them at least.
const PODS: &str = "2";
/// The tag of the overlay's images, which are this version.
const OWN: &str = "dev";
/// The tag of another version's images.
const OTHER: &str = "other";
/// Longest until a Deployment's new pods are all there.
const ROLLED_OUT: &str = "--timeout=180s";
/// Longest until what was under way has ended.
const ENDED: Duration = Duration::from_secs(120);
/// Tasks a page.
const PAGE: usize = 200;

/// Runs it for so many seconds of load, which must last until the drain is through. With a folder of another version's
/// programs each service begins as that version, and is replaced by this one.
///
/// # Errors
/// Where something does not start, a roll-out does not come to its end, or something is lost.
pub async fn measure(seconds: u32, think: &str, other: Option<&Path>) -> Result<()> {
    let cluster = Cluster::start(false).await?;
    if let Some(other) = other {
        begin_as(&cluster, other).await?;
    }
    let before = counted(&cluster).await?;
    let (told, replaced) =
        tokio::try_join!(locust(&cluster, USERS, seconds, think), replace(&cluster, other.is_some()))?;
    let (requests, failures) =
        told.iter().fold((0, 0), |(n, bad), told| (n + told.num_requests, bad + told.num_failures));
    let votes = accepted(&told, "POST /votes");
    let lost = || async {
        let (counted, open) = (counted(&cluster).await? - before, open(&cluster).await?);
        ensure!(counted == votes, "{counted} of {votes} votes are counted");
        ensure!(open == 0, "{open} tasks have not ended");
        Ok(())
    };
    testkit::until("the end of all that was accepted", ENDED, lost).await.map_err(anyhow::Error::msg)?;
    println!(
        "{replaced} processes were replaced and a node was drained while {USERS} users sent {requests} requests: \
         {failures} failed, {} tasks ended, {votes} votes were counted, none was lost or doubled",
        accepted(&told, "POST /yaml")
    );
    Ok(())
}

/// Makes every service the version of that folder: its images have a tag of their own.
async fn begin_as(cluster: &Cluster, other: &Path) -> Result<()> {
    let folder = std::fs::canonicalize(other)?;
    for service in SERVICES {
        ensure!(folder.join(service).exists(), "{} has no {service}", folder.display());
    }
    cluster.pods.provide(OTHER, &folder);
    for service in SERVICES {
        set_tag(cluster, service, OTHER).await?;
    }
    all_rolled_out(cluster).await
}

async fn set_tag(cluster: &Cluster, service: &str, tag: &str) -> Result<()> {
    let image = format!("service=marea/{service}:{tag}");
    cluster.kubectl(&["set", "image", &format!("deployment/{service}"), &image]).await
}

/// Two pods each, then a roll-out of each service, of this version where they are `other`, then the drain of a node. How
/// many processes serve in the end, all new.
async fn replace(cluster: &Cluster, other: bool) -> Result<usize> {
    for service in SERVICES {
        cluster.kubectl(&["scale", &format!("deployment/{service}"), "--replicas", PODS]).await?;
    }
    all_rolled_out(cluster).await?;
    let old: BTreeSet<String> = SERVICES.into_iter().flat_map(|service| cluster.pods.urls(service)).collect();
    for service in SERVICES {
        if other {
            set_tag(cluster, service, OWN).await?;
        } else {
            cluster.kubectl(&["rollout", "restart", &format!("deployment/{service}")]).await?;
        }
        rolled_out(cluster, service).await?;
    }
    let drain = ["drain", "node-0", "--ignore-daemonsets", "--delete-emptydir-data", "--force", ROLLED_OUT];
    cluster.kubectl(&drain).await?;
    all_rolled_out(cluster).await?;
    let new: Vec<String> = SERVICES.into_iter().flat_map(|service| cluster.pods.urls(service)).collect();
    ensure!(new.iter().all(|url| !old.contains(url)), "some of {old:?} still serve: {new:?}");
    Ok(new.len())
}

async fn all_rolled_out(cluster: &Cluster) -> Result<()> {
    for service in SERVICES {
        rolled_out(cluster, service).await?;
    }
    Ok(())
}

async fn rolled_out(cluster: &Cluster, service: &str) -> Result<()> {
    cluster.kubectl(&["rollout", "status", &format!("deployment/{service}"), ROLLED_OUT]).await
}

fn accepted(told: &[Told], name: &str) -> u64 {
    let its = told.iter().filter(|told| told.name == name);
    its.map(|told| told.num_requests - told.num_failures).sum()
}

async fn counted(cluster: &Cluster) -> Result<u64> {
    Ok(cluster.client.standings("bands", &[]).await?.totals.counted)
}

/// Tasks that are on their way.
async fn open(cluster: &Cluster) -> Result<usize> {
    let (mut open, mut cursor) = (0, None::<String>);
    loop {
        let page = cluster.client.list(None, cursor.as_deref(), PAGE).await?;
        open += page.tasks.iter().filter(|task| !task.state.is_final()).count();
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(open),
        }
    }
}
