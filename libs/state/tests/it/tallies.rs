//! What every store does with contests' counters; and what a cluster does when it fails over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use contests::{
    Entry, Increment,
    definition::Revision,
    standings::{Counts, Totals},
};
use embedded::Database;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use state::tallies::{Applied, EmbeddedTallies, RedisTallies, Slot, Tallies};
use testkit::{RedisCluster, until};
use uuid::Uuid;

type Store = Arc<dyn Tallies>;

const LONG: Duration = Duration::from_secs(60);

fn slot(generation: u32) -> Slot {
    Slot { contest: Uuid::now_v7().simple().to_string(), generation, slot: 3 }
}

fn entry(slot: &Slot, increments: usize) -> Entry {
    let increment = |n: usize| Increment { tally: "names".into(), key: format!("key-{n:05}"), amount: 2 };
    Entry {
        batch: Uuid::now_v7(),
        contest: slot.contest.clone(),
        revision: Revision(1),
        slot: slot.slot,
        producer: Uuid::from_u128(7),
        number: 1,
        cumulative: 9,
        confirmed: 0,
        last: false,
        time: Timestamp::now(),
        ballots: 9,
        counted: 4,
        duplicate: 2,
        conflicting: 1,
        over_limit: 2,
        dead: 1,
        increments: (0..increments).map(increment).collect(),
    }
}

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

async fn apply(store: &dyn Tallies, entries: &[Entry]) -> Vec<Applied> {
    store.apply(1, entries, soon()).await.expect("an answer")
}

fn expected(entries: &[Entry]) -> Counts {
    let mut counts = Counts::default();
    entries.iter().for_each(|entry| counts.apply(entry));
    counts
}

async fn an_entry_is_applied_once(store: Store) {
    let slot = slot(1);
    assert_eq!(store.version(&slot).await.expect("an answer"), 0);
    assert_eq!(store.counts(&slot).await.expect("an answer"), Counts::default());
    let (one, two) = (entry(&slot, 3), entry(&slot, 2));
    assert_eq!(apply(&*store, &[one.clone(), two.clone()]).await, [Applied::Now, Applied::Now]);
    let again = apply(&*store, &[one.clone(), two.clone()]).await;
    assert!(again.iter().all(|applied| matches!(applied, Applied::Already(since) if *since < LONG)), "{again:?}");
    assert_eq!(store.counts(&slot).await.expect("an answer"), expected(&[one, two]));
    assert_eq!(store.version(&slot).await.expect("an answer"), 2);
}

async fn an_entry_applied_by_many_at_once_counts_once(store: Store) {
    let slot = slot(1);
    let one = entry(&slot, 700);
    let entries = [one.clone()];
    let all = join_all((0..8).map(|_| apply(&*store, &entries))).await;
    assert!(all.iter().flatten().any(|applied| *applied == Applied::Now));
    assert_eq!(store.counts(&slot).await.expect("an answer"), expected(&[one]));
}

/// More counters than one script call may take.
async fn a_large_entry_is_applied_whole(store: Store) {
    let slot = slot(1);
    let one = entry(&slot, 2_345);
    assert_eq!(apply(&*store, std::slice::from_ref(&one)).await, [Applied::Now]);
    assert!(matches!(apply(&*store, std::slice::from_ref(&one)).await[..], [Applied::Already(_)]));
    assert_eq!(store.counts(&slot).await.expect("an answer"), expected(&[one]));
}

async fn an_entry_that_comes_too_late_is_not_applied(store: Store) {
    let slot = slot(1);
    let one = [entry(&slot, 1)];
    let past = Timestamp::now() - SignedDuration::from_secs(5);
    assert_eq!(store.apply(1, &one, past).await.expect("an answer"), [Applied::TooLate]);
    assert_eq!(store.counts(&slot).await.expect("an answer"), Counts::default());
    apply(&*store, &one).await;
    assert!(matches!(store.apply(1, &one, past).await.expect("an answer")[..], [Applied::Already(_)]));
}

async fn generations_and_slots_are_apart(store: Store) {
    let one = slot(1);
    let entries = [entry(&one, 1)];
    apply(&*store, &entries).await;
    let next = Slot { generation: 2, ..one.clone() };
    assert_eq!(store.counts(&next).await.expect("an answer"), Counts::default());
    assert_eq!(store.apply(2, &entries, soon()).await.expect("an answer"), [Applied::Now]);
    store.drop_slot(&one).await.expect("an answer");
    assert_eq!(store.counts(&one).await.expect("an answer"), Counts::default());
    assert_eq!(store.counts(&next).await.expect("an answer"), expected(&entries));
    let other = Slot { slot: 4, ..next };
    assert_eq!(store.version(&other).await.expect("an answer"), 0);
}

async fn what_is_forgotten_keeps_its_counts(store: Store) {
    let slot = slot(1);
    let one = [entry(&slot, 1_100)];
    apply(&*store, &one).await;
    assert!(store.remembered(&slot, Timestamp::now() - LONG, 100).await.expect("an answer").is_empty());
    let members = until("it is remembered", LONG, || async {
        let members = store.remembered(&slot, Timestamp::now(), 100).await.map_err(|e| e.to_string())?;
        if members.is_empty() { Err("not yet".to_owned()) } else { Ok(members) }
    });
    let members = members.await.expect("it is remembered");
    assert!(members.iter().all(|member| member.batch == one[0].batch));
    store.forget(&slot, &members).await.expect("an answer");
    assert!(store.remembered(&slot, Timestamp::now(), 100).await.expect("an answer").is_empty());
    assert_eq!(store.counts(&slot).await.expect("an answer"), expected(&one));
}

async fn totals_alone_are_counted(store: Store) {
    let slot = slot(1);
    let beat =
        Entry { ballots: 0, counted: 0, duplicate: 0, conflicting: 0, over_limit: 0, dead: 0, ..entry(&slot, 0) };
    apply(&*store, &[beat]).await;
    let totals = store.counts(&slot).await.expect("an answer").totals;
    assert_eq!(totals, Totals { batches: 1, ..Totals::default() });
}

/// Entries that one call takes together, those that it does not, some that are in already, and one twice.
async fn many_entries_at_once_are_each_applied_once(store: Store) {
    let (here, there) = (slot(1), Slot { slot: 4, ..slot(1) });
    let sizes = [3, 0, 480, 20, 499, 1, 500, 2, 1_200, 40];
    let entries: Vec<Entry> = sizes.iter().flat_map(|n| [entry(&here, *n), entry(&there, *n / 2)]).collect();
    let early: Vec<Entry> = entries.iter().step_by(7).cloned().collect();
    assert!(apply(&*store, &early).await.iter().all(|applied| *applied == Applied::Now));
    let twice: Vec<Entry> = entries.iter().chain(&entries[3..6]).cloned().collect();
    let applied = apply(&*store, &twice).await;
    assert_eq!(applied.len(), twice.len());
    for (at, applied) in applied[..entries.len()].iter().enumerate() {
        let twice = (3..6).contains(&at);
        assert!(twice || (*applied == Applied::Now) == (at % 7 != 0), "{at}: {applied:?}");
    }
    for slot in [&here, &there] {
        let of: Vec<Entry> = entries.iter().filter(|entry| entry.contest == slot.contest).cloned().collect();
        assert_eq!(store.counts(slot).await.expect("an answer"), expected(&of));
        assert_eq!(store.version(slot).await.expect("an answer"), u64::try_from(of.len()).expect("few"));
    }
}

/// Amounts are small, and there are many: no sum of them may end in an error, which would come again for ever.
async fn a_counter_stays_at_the_greatest_number(store: Store) {
    let slot = slot(1);
    let large = |_| {
        let mut one = entry(&slot, 2);
        one.increments[0].amount = 1 << 52;
        one.increments[1].amount = -(1 << 52);
        one
    };
    let entries: Vec<Entry> = (0..5).map(large).collect();
    for one in &entries {
        assert_eq!(apply(&*store, std::slice::from_ref(one)).await, [Applied::Now]);
    }
    let counts = store.counts(&slot).await.expect("an answer");
    let sums: Vec<i64> = counts.counters.values().copied().collect();
    assert_eq!(sums, [1 << 53, -(1 << 53)]);
    assert_eq!(counts.totals.batches, 5);
}

/// Whoever looks while an entry is applied in parts learns that there is more: it reads again what has another version.
async fn a_look_between_the_parts_of_an_entry_is_not_the_last(store: Store) {
    let slot = slot(1);
    let (looks, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let seen = parking_lot::Mutex::new((0, Counts::default()));
    let watching = async {
        while !over.load(Ordering::Relaxed) {
            let version = store.version(&slot).await.expect("an answer");
            if version != seen.lock().0 {
                let counts = store.counts(&slot).await.expect("an answer");
                *seen.lock() = (counts.totals.batches, counts);
            }
            looks.fetch_add(1, Ordering::Relaxed);
            // A store that answers at once would leave the other no turn.
            tokio::task::yield_now().await;
        }
    };
    let applying = async {
        let mut all = Counts::default();
        for _ in 0..8 {
            let entry = entry(&slot, 2_345);
            all.apply(&entry);
            apply(&*store, &[entry]).await;
            let looked = looks.load(Ordering::Relaxed) + 2;
            until("two more looks", LONG, || async {
                if looks.load(Ordering::Relaxed) >= looked { Ok(()) } else { Err("not yet") }
            })
            .await
            .expect("two more looks");
            assert_eq!(seen.lock().1, all);
        }
        over.store(true, Ordering::Relaxed);
    };
    futures::future::join(watching, applying).await;
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let database = super::Database::ephemeral().expect("a database");
                let store = super::EmbeddedTallies::open(database).await.expect("the tables are made");
                super::$name(std::sync::Arc::new(store)).await;
            })+
        }
        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let Some(cluster) = super::RedisCluster::shared().await else { return };
                let store = super::RedisTallies::connect(&cluster.url()).await.expect("the cluster answers");
                super::$name(std::sync::Arc::new(store)).await;
            })+
        }
    };
}

contract! {
    an_entry_is_applied_once,
    an_entry_applied_by_many_at_once_counts_once,
    a_large_entry_is_applied_whole,
    a_look_between_the_parts_of_an_entry_is_not_the_last,
    many_entries_at_once_are_each_applied_once,
    an_entry_that_comes_too_late_is_not_applied,
    generations_and_slots_are_apart,
    what_is_forgotten_keeps_its_counts,
    totals_alone_are_counted,
    a_counter_stays_at_the_greatest_number,
}

/// Writes that were acknowledged and did not reach the replica are lost: the counters and the memory of them alike,
/// so that the same entries applied again give the same counts.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_failover_loses_is_applied_again_once() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let store = RedisTallies::connect(&cluster.url()).await.expect("the cluster answers");
    let slot = slot(1);
    let key = format!("{{c:{}:{}}}:g1:n", slot.contest, slot.slot);
    let (kept, lost) = (entry(&slot, 3), entry(&slot, 800));
    apply(&store, std::slice::from_ref(&kept)).await;
    let master = cluster.master_of(&key).await.expect("a master");
    let replica = cluster.replica_of(master).await.expect("a replica");
    until("the replica has it", LONG, || async {
        let keys = cluster.ask(replica, &["DBSIZE"]).await?;
        if keys == "2" { Ok(()) } else { Err(keys) }
    })
    .await
    .expect("the replica has it");
    let before = store.incarnation().await.expect("an answer");
    cluster.pause(replica);
    apply(&store, std::slice::from_ref(&lost)).await;
    cluster.kill(master);
    cluster.resume(replica);
    until("a fail-over", LONG, || async {
        let now = cluster.master_of(&key).await?;
        if now == master { Err("not yet".to_owned()) } else { Ok(()) }
    })
    .await
    .expect("a fail-over");
    let entries = [kept, lost];
    let again = until("it is applied", LONG, || store.apply(1, &entries, soon())).await.expect("it is applied");
    assert!(matches!(again[0], Applied::Already(_)), "{again:?}");
    assert_eq!(store.counts(&slot).await.expect("an answer"), expected(&entries));
    until("it is known", LONG, || async {
        let now = store.incarnation().await.map_err(|e| e.to_string())?;
        if now == before { Err("no change seen".to_owned()) } else { Ok(()) }
    })
    .await
    .expect("the fail-over is seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_of_another_kind_is_an_error_before_anything_is_written() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let store = RedisTallies::connect(&cluster.url()).await.expect("the cluster answers");
    for node in 0..6 {
        cluster.ask(node, &["SCRIPT", "FLUSH"]).await.expect("an answer");
    }
    let slot = slot(1);
    let key = format!("{{c:{}:{}}}:g1:n", slot.contest, slot.slot);
    let master = cluster.master_of(&key).await.expect("a master");
    cluster.ask(master, &["HSET", &key, "names\u{1f}key-00001", "no number"]).await.expect("an answer");
    assert!(store.apply(1, &[entry(&slot, 3)], soon()).await.is_err());
    assert_eq!(cluster.ask(master, &["HLEN", &key]).await.expect("an answer"), "1");
    cluster.ask(master, &["DEL", &key]).await.expect("an answer");
    assert_eq!(apply(&store, &[entry(&slot, 3)]).await, [Applied::Now]);
}
