//! What every store does with leases.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use state::{Lease, States};

use crate::facts::Task;

type Store = Arc<dyn States>;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

async fn take(store: &Store, task: &Task, holder: &str, ttl: Duration) -> Option<Lease> {
    store.acquire(&task.key, holder, ttl).await.expect("an answer")
}

/// Awaits the end of a lease: who asks again and again gets it then, and not before.
async fn take_when_free(store: &Store, task: &Task, holder: &str) -> Lease {
    let tried = || async { take(store, task, holder, LONG).await.ok_or("held") };
    testkit::until("the lease ends", Duration::from_secs(20), tried).await.expect("the lease ends")
}

pub async fn a_lease_has_one_holder(store: Store) {
    let (task, other) = (Task::new(), Task::new());
    let lease = take(&store, &task, "a", LONG).await.expect("a lease");
    assert!(lease.epoch > 0 && !lease.taken_over);
    assert_eq!(take(&store, &task, "b", LONG).await, None);
    assert_eq!(take(&store, &task, "a", LONG).await, None);
    assert!(take(&store, &other, "b", LONG).await.is_some());
    assert!(store.release(&lease).await.expect("an answer"));
    let next = take(&store, &task, "b", LONG).await.expect("a lease");
    assert!(next.epoch > lease.epoch && !next.taken_over);
}

pub async fn a_lease_ends_and_its_epoch_grows(store: Store) {
    let task = Task::new();
    let mut last = 0;
    for _ in 0..3 {
        let lease = take(&store, &task, "a", SHORT).await.expect("a lease");
        assert!(lease.epoch > last && !lease.taken_over);
        let next = take_when_free(&store, &task, "b").await;
        assert!(next.epoch > lease.epoch && next.taken_over);
        store.release(&next).await.expect("an answer");
        last = next.epoch;
    }
}

pub async fn a_renewed_lease_lasts(store: Store) {
    let task = Task::new();
    let lease = take(&store, &task, "a", Duration::from_secs(5)).await.expect("a lease");
    assert!(store.renew(&lease, LONG).await.expect("an answer"));
    assert!(store.renew(&lease, SHORT).await.expect("an answer"));
    let next = take_when_free(&store, &task, "b").await;
    assert!(!store.renew(&lease, LONG).await.expect("an answer"));
    assert!(store.renew(&next, LONG).await.expect("an answer"));
}

pub async fn a_lost_lease_is_neither_renewed_nor_released(store: Store) {
    let task = Task::new();
    let lost = take(&store, &task, "same", SHORT).await.expect("a lease");
    let held = take_when_free(&store, &task, "same").await;
    assert!(!store.renew(&lost, LONG).await.expect("an answer"));
    assert!(!store.release(&lost).await.expect("an answer"));
    assert_eq!(take(&store, &task, "same", LONG).await, None);
    assert!(store.release(&held).await.expect("an answer"));
    assert!(!store.release(&held).await.expect("an answer"));
    assert!(!store.renew(&held, LONG).await.expect("an answer"));
    store.forget(&task.key).await.expect("an answer");
    let after = take(&store, &task, "same", LONG).await.expect("a lease");
    assert!(after.epoch > held.epoch);
}

pub async fn racing_for_a_lease_has_one_winner(store: Store) {
    for _ in 0..5 {
        let task = Task::new();
        let names: Vec<_> = (0..8).map(|n| n.to_string()).collect();
        let taken = join_all(names.iter().map(|name| take(&store, &task, name, LONG))).await;
        assert_eq!(taken.iter().flatten().count(), 1);
    }
}
