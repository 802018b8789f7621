use domain::TaskId;
use embedded::Database;
use state::embedded::EmbeddedStates;

use super::*;

async fn states() -> (Arc<dyn States>, TaskKey) {
    let states = EmbeddedStates::open(Database::ephemeral().unwrap()).await.unwrap();
    (Arc::new(states), TaskKey { tenant: "local".parse().unwrap(), id: TaskId::new() })
}

#[tokio::test]
async fn who_held_it_throughout_has_no_doubt() {
    let (states, key) = states().await;
    for _ in 0..2 {
        let held = Held::acquire(&states, &key, "a").await.unwrap().unwrap();
        assert_eq!(held.during(async { 1 }).await, (1, Kept::Throughout));
    }
}

#[tokio::test]
async fn who_took_it_over_or_lost_it_is_in_doubt() {
    let (states, key) = states().await;
    states.acquire(&key, "dead", Duration::ZERO).await.unwrap().unwrap();
    let held = Held::acquire(&states, &key, "a").await.unwrap().unwrap();
    let lease = held.lease.clone();
    assert_eq!(held.during(async {}).await.1, Kept::InDoubt);
    let held = Held::acquire(&states, &key, "a").await.unwrap().unwrap();
    assert!(lease.epoch < held.lease.epoch);
    let lease = held.lease.clone();
    let lost = held.during(async { states.release(&lease).await.unwrap() }).await;
    assert_eq!(lost, (true, Kept::InDoubt));
}
