//! Two processes of the binary over RabbitMQ, a Redis Cluster and MongoDB's stand-in, killed and paused meanwhile.

use std::sync::Arc;

use ballots::embedded::EmbeddedBallots;
use blobs::{
    Records,
    object::{ObjectBlobs, Options},
};
use contests::batch::TYPE;
use embedded::Database;
use futures::future::join_all;
use jiff::Timestamp;
use messaging::{
    Bus, Message, Route,
    rabbitmq::{self, RabbitMq},
    topology::VOTES,
};
use serde_json::Value;
use state::tallies::EmbeddedTallies;
use tally::Stores;
use testkit::{Folder, Mongo, RedisCluster, Service, until};

use crate::harness::{Harness, LONG};

/// Batches that are published, each with ten ballots of its own and one of the batch before.
const BATCHES: usize = 120;

async fn makes_batches() -> Harness {
    let database = Database::ephemeral().expect("a database");
    let stores = Stores {
        ballots: Arc::new(EmbeddedBallots::open(database.clone()).await.expect("tables")),
        tallies: Arc::new(EmbeddedTallies::open(database.clone()).await.expect("tables")),
    };
    Harness::over(stores, database, "").await
}

async fn publish(bus: &RabbitMq, made: &Harness, first: usize, batches: usize) {
    let publishing = (first..first + batches).map(|n| {
        let ids: Vec<String> = (n * 10..n * 10 + 11).map(|id| id.to_string()).collect();
        let casts: Vec<_> = ids.iter().map(|id| (id.as_str(), "x", None)).collect();
        let last = n + 1 == BATCHES;
        let body = made.batch_of(&casts, |header| header.last = last).body;
        let message = Message::binary(TYPE, n.to_string(), &made.contest.name, Timestamp::now(), body);
        let key: Arc<str> = format!("votes.{}", made.contest.name).into();
        let route = Route::Ballots { key, group: &VOTES, index: n % 3 };
        async move {
            until("it is confirmed", LONG, || bus.publish(&route, message.clone())).await.expect("it is confirmed");
        }
    });
    join_all(publishing).await;
}

async fn ask(url: &str, contest: &str, what: &str) -> Result<Value, String> {
    let url = format!("{url}/contests/{contest}/{what}");
    let request = if what == "verify" { testkit::http().post(url) } else { testkit::http().get(url) };
    let answer = request.send().await.map_err(|e| e.to_string())?;
    let body = answer.text().await.map_err(|e| e.to_string())?;
    serde_json::from_str(&body).map_err(|e| format!("{e}: {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_counts_once_whoever_is_killed_or_paused() {
    let (Some(broker), Some(redis), Some(mongo)) =
        (testkit::RabbitMq::start(1).await, RedisCluster::shared().await, Mongo::start().await)
    else {
        return;
    };
    bootstrap::install_tls();
    let (folder, made) = (Folder::new("records"), makes_batches().await);
    let records = format!("file://{}", folder.path().display());
    let blobs = ObjectBlobs::open(&records, &Options::default()).expect("a folder");
    Records::new(Arc::new(blobs)).put_definition(&made.contest).await.expect("stored");
    let amqp = broker.url(0);
    let config = rabbitmq::Config { urls: vec![amqp.clone()], prefix: String::new(), name: "test".to_owned() };
    let bus = RabbitMq::connect(config).await.expect("the broker answers");
    let (redis, database) = (redis.url(), mongo.url("marea"));
    let variables = [
        ("MAREA_AMQP", amqp.as_str()),
        ("MAREA_REDIS", &redis),
        ("MAREA_BLOBS", &records),
        ("MAREA_MONGO", &database),
        ("MAREA_ACCESS", "local"),
        ("MAREA_SWEEP_SECONDS", "1"),
        ("MAREA_SETTLE_SECONDS", "10"),
        ("MAREA_GONE_SECONDS", "20"),
    ];
    let one = Service::start("tally", &variables).await;
    let two = Service::start("tally", &variables).await;
    let part = BATCHES / 3;
    publish(&bus, &made, 0, part).await;
    // The stand-in for MongoDB does not survive a kill while it makes its tables, which it does as rows come.
    until("the first are counted", LONG, || async {
        let standings = ask(two.url(), &made.contest.name, "standings").await?;
        let counted = standings["totals"]["counted"].as_u64().and_then(|n| usize::try_from(n).ok());
        if counted >= Some(part * 8) { Ok(()) } else { Err(standings.to_string()) }
    })
    .await
    .expect("the first are counted");
    publish(&bus, &made, part, part).await;
    one.process().kill9();
    mongo.pause();
    one.process().restart();
    publish(&bus, &made, 2 * part, BATCHES - 2 * part).await;
    mongo.resume();
    two.process().pause();
    mongo.kill();
    mongo.restart().await;
    two.process().resume();
    let contest = &made.contest.name;
    let expected = (BATCHES * 10 + 1, BATCHES - 1);
    until("all are counted", 2 * LONG, || async {
        let standings = ask(two.url(), contest, "standings").await?;
        let of = |name: &str| standings["totals"][name].as_u64().and_then(|n| usize::try_from(n).ok());
        if (of("counted"), of("duplicate")) == (Some(expected.0), Some(expected.1)) {
            Ok(())
        } else {
            Err(standings.to_string())
        }
    })
    .await
    .unwrap_or_else(|e| panic!("{e}\n{}\n{}", one.process().tail(), two.process().tail()));
    one.await_ready().await;
    // The one that was killed had batches in hand for all that is known.
    let audit = until("the audit settles", 3 * LONG, || async {
        let audit = ask(one.url(), contest, "audit").await?;
        if audit["settled"] == Value::Bool(true) { Ok(audit) } else { Err(audit.to_string()) }
    });
    let audit = audit.await.expect("the audit settles");
    assert_eq!(audit["received"], audit["accepted"], "{audit}");
    let verified = ask(one.url(), contest, "verify").await.expect("an answer");
    assert_eq!(verified["agrees"], Value::Bool(true), "{verified}");
}
