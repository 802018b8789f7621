//! Counters that are lost, in part and wholly, and made anew.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ::embedded::Database;
use ballots::embedded::EmbeddedBallots;
use futures::future::join;
use state::tallies::{RedisTallies, Slot};
use tally::Stores;
use testkit::{RedisCluster, until};

use crate::{
    harness::{Harness, LONG},
    on_both,
};

on_both! {
    "":
    a_rebuild_gives_the_same_counts,
    a_rebuild_under_load_loses_nothing,
    a_slot_that_is_lost_is_made_anew,
    a_slot_that_goes_on_after_its_loss_is_made_anew,
}

async fn cast(harness: &Harness, first: usize, batches: usize) {
    for n in first..first + batches {
        let ids: Vec<String> = (0..5).map(|i| format!("{n}.{i}")).collect();
        let casts: Vec<_> = ids.iter().map(|id| (id.as_str(), if n % 2 == 0 { "x" } else { "y" }, None)).collect();
        assert!(harness.round().run(&[harness.batch(&casts)]).await[0].is_ok());
    }
}

/// The counts once they are what is expected: standings are up to 25 ms old, a generation up to a second.
async fn await_counted(harness: &Harness, counted: u64) {
    until("all are counted", LONG, || async {
        let totals = harness.counts().await.totals;
        if totals.counted == counted { Ok(()) } else { Err(format!("{totals:?}")) }
    })
    .await
    .expect("all are counted");
}

async fn a_rebuild_gives_the_same_counts(harness: Harness) {
    cast(&harness, 0, 9).await;
    let before = harness.counts().await;
    let rebuilt = harness.tally.rebuild(&harness.contest.name).await.expect("rebuilt");
    assert_eq!((rebuilt.generation, rebuilt.entries), (2, 9));
    await_counted(&harness, 45).await;
    assert_eq!(harness.counts().await, before);
    harness.agree().await;
}

async fn a_rebuild_under_load_loses_nothing(harness: Harness) {
    cast(&harness, 0, 20).await;
    let (rebuilt, goes_on) = (AtomicBool::new(false), AtomicBool::new(true));
    let casting = async {
        let mut n = 20;
        while goes_on.load(Ordering::Relaxed) {
            goes_on.store(!rebuilt.load(Ordering::Relaxed), Ordering::Relaxed);
            cast(&harness, n, 1).await;
            n += 1;
        }
        n
    };
    let rebuilding = async {
        // By two at once.
        let name = &harness.contest.name;
        let (one, two) = join(harness.tally.rebuild(name), harness.tally.rebuild(name)).await;
        rebuilt.store(true, Ordering::Relaxed);
        (one.expect("rebuilt"), two.expect("rebuilt"))
    };
    let (batches, _) = join(casting, rebuilding).await;
    harness.tally.sweep(true).await.expect("swept");
    await_counted(&harness, 5 * u64::try_from(batches).expect("few")).await;
    harness.agree().await;
}

async fn a_slot_that_is_lost_is_made_anew(harness: Harness) {
    cast(&harness, 0, 9).await;
    let before = harness.counts().await;
    until("all are settled", LONG, || async {
        let swept = harness.tally.sweep(true).await.map_err(|e| e.to_string())?;
        if swept.settled == 0 && swept.forgotten == 0 { Ok(()) } else { Err("not yet") }.map_err(str::to_owned)
    })
    .await
    .expect("all are settled");
    let slot = Slot { contest: harness.contest.name.clone(), generation: 1, slot: 1 };
    harness.stores.tallies.drop_slot(&slot).await.expect("dropped");
    assert_eq!(harness.tally.sweep(false).await.expect("swept").rebuilt, 1);
    await_counted(&harness, 45).await;
    assert_eq!(harness.counts().await, before);
    assert_eq!(harness.tally.sweep(false).await.expect("swept").rebuilt, 0);
}

/// More comes after the loss than was lost, before anybody looks: by a process that ended, as all that watched did.
async fn a_slot_that_goes_on_after_its_loss_is_made_anew(harness: Harness) {
    cast(&harness, 0, 9).await;
    until("all are settled", LONG, async || match harness.tally.sweep(true).await {
        Ok(swept) if swept.settled == 0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await
    .expect("all are settled");
    let slot = Slot { contest: harness.contest.name.clone(), generation: 1, slot: 1 };
    harness.stores.tallies.drop_slot(&slot).await.expect("dropped");
    cast(&harness, 9, 30).await;
    let version = harness.stores.tallies.version(&slot).await.expect("a version");
    assert!(version > 3, "{version}: as many as were settled, and more");
    // Nothing of it is settled for long, as in the minutes after a fail-over.
    let config = tally::Config { settle_seconds: 600, ..harness.config.clone() };
    let another = tally::Tally::new(&harness.context, harness.stores.clone(), &config);
    assert_eq!(another.sweep(false).await.expect("swept").rebuilt, 1);
    await_counted(&harness, 195).await;
    harness.agree().await;
    assert_eq!(another.sweep(true).await.expect("swept").rebuilt, 0);
}

/// Every master loses everything; and a fail-over loses what the replica had not got.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lost_everything_is_filled_from_the_ledger() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let database = Database::ephemeral().expect("a database");
    let stores = Stores {
        ballots: Arc::new(EmbeddedBallots::open(database.clone()).await.expect("tables")),
        tallies: Arc::new(RedisTallies::connect(&cluster.url()).await.expect("it answers")),
    };
    let harness = Harness::over(stores, database, "").await;
    cast(&harness, 0, 12).await;
    let before = harness.counts().await;
    for node in 0..6 {
        // Replicas refuse it.
        let _ = cluster.ask(node, &["FLUSHALL"]).await;
    }
    harness.tally.sweep(true).await.expect("swept");
    await_counted(&harness, 60).await;
    assert_eq!(harness.counts().await, before);

    let key = format!("{{c:{}:1}}:g1:n", harness.contest.name);
    let master = cluster.master_of(&key).await.expect("a master");
    let replica = cluster.replica_of(master).await.expect("a replica");
    cluster.pause(replica);
    cast(&harness, 12, 6).await;
    cluster.kill(master);
    cluster.resume(replica);
    until("it is swept after the fail-over", LONG, || harness.tally.sweep(true)).await.expect("swept");
    await_counted(&harness, 90).await;
    harness.agree().await;
}
