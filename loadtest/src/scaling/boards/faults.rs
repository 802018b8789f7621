//! Harm that alarms must tell of, one after the other.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use messaging::{
    Bus as _, Message, Route,
    rabbitmq::{Config, RabbitMq},
    topology::VOTES,
};
use testkit::until;

use super::{super::cluster::Cluster, operator};

/// Longest until an alarm fires: its `for`, a scrape, a rule's interval and their sum again on a busy machine.
const FIRES: Duration = Duration::from_secs(420);
/// Longest until one ends once what it tells of has ended: the longest window that it looks at, and the same.
const ENDS: Duration = Duration::from_secs(420);

/// All of them; what is to be told of each.
pub async fn all(cluster: &Cluster) -> Result<Vec<String>> {
    Ok(vec![
        dead_letter(cluster).await.context("a dead letter")?,
        no_consumer(cluster).await.context("a queue without consumer")?,
        silent_broker(cluster).await.context("a broker that is silent")?,
    ])
}

/// What nobody can read, put into a queue by hand.
async fn dead_letter(cluster: &Cluster) -> Result<String> {
    let bus = RabbitMq::connect(Config::new(cluster.amqp())).await?;
    let body = b"not a batch".to_vec();
    let message =
        Message::binary(contests::batch::TYPE, "by-hand".to_owned(), "contests/bands", Timestamp::now(), body.into());
    bus.publish(&Route::Ballots { key: "votes.bands".into(), group: &VOTES, index: 0 }, message).await?;
    let fired = fires(cluster, "DeadLetters").await?;
    let operator = operator(cluster)?;
    for letter in operator.dead_letters(100).await? {
        operator.drop_dead_letter(&letter.id).await?;
    }
    Ok(format!("{fired}, {}", ends(cluster, "DeadLetters").await?))
}

/// A service that an operator has taken away.
async fn no_consumer(cluster: &Cluster) -> Result<String> {
    cluster.kubectl(&["scale", "deployment/yaml-manager", "--replicas=0"]).await?;
    let fired = fires(cluster, "NoConsumer").await?;
    cluster.kubectl(&["scale", "deployment/yaml-manager", "--replicas=1"]).await?;
    Ok(format!("{fired}, {}", ends(cluster, "NoConsumer").await?))
}

/// Ballots are under way, and nobody hears of them; commands are answered 503.
async fn silent_broker(cluster: &Cluster) -> Result<String> {
    cluster.pause_broker();
    let fired = async {
        Ok::<_, anyhow::Error>((
            fires(cluster, "ConfirmsAreOverdue").await?,
            fires(cluster, "ErrorBudgetBurnsFast").await?,
        ))
    };
    let fired = fired.await;
    cluster.resume_broker();
    let (overdue, errors) = fired?;
    let ended = (ends(cluster, "ConfirmsAreOverdue").await?, ends(cluster, "ErrorBudgetBurnsFast").await?);
    Ok(format!("{overdue}, {}; {errors}, {}", ended.0, ended.1))
}

async fn fires(cluster: &Cluster, alarm: &str) -> Result<String> {
    let seconds = seconds_until(cluster, alarm, true, FIRES).await?;
    Ok(format!("{alarm} fired after {seconds:.0} s"))
}

async fn ends(cluster: &Cluster, alarm: &str) -> Result<String> {
    let seconds = seconds_until(cluster, alarm, false, ENDS).await?;
    Ok(format!("ended {seconds:.0} s after its cause"))
}

async fn seconds_until(cluster: &Cluster, alarm: &str, firing: bool, within: Duration) -> Result<f64> {
    let began = tokio::time::Instant::now();
    let query = format!("ALERTS{{alertname=\"{alarm}\", alertstate=\"firing\"}}");
    let looked = || async {
        let now = cluster.prometheus.has_data(&query).await?;
        anyhow::ensure!(now == firing, "{alarm} is {}", if now { "firing" } else { "silent" });
        Ok(())
    };
    until(&format!("{alarm} to {}", if firing { "fire" } else { "end" }), within, looked)
        .await
        .map_err(anyhow::Error::msg)?;
    eprintln!(
        "boards: {alarm} {} after {:.0} s",
        if firing { "fires" } else { "has ended" },
        began.elapsed().as_secs_f64()
    );
    Ok(began.elapsed().as_secs_f64())
}
