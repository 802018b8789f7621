use domain::{Fact, FactBody, TaskId, status};
use jiff::Timestamp;

use super::*;

fn task() -> (TaskKey, Arc<TaskStatus>) {
    let fact = Fact {
        tenant: "local".parse().expect("a label"),
        task: TaskId::new(),
        name: "demo".parse().expect("a label"),
        revision: 1,
        time: Timestamp::UNIX_EPOCH,
        body: FactBody::ApplyStarted { objects: 1 },
    };
    (fact.key(), Arc::new(status::fold([&fact]).expect("a fact")))
}

#[test]
fn what_was_read_before_a_change_is_not_kept() {
    let (cache, (key, status)) = (Cache::new(1 << 20), task());
    let ticket = cache.ticket(&key);
    cache.forget(&key);
    cache.keep(&key, &status, ticket);
    assert!(cache.get(&key).is_none());
    cache.keep(&key, &status, cache.ticket(&key));
    assert!(cache.get(&key).is_some());
}

#[test]
fn memory_stays_within_its_bound_and_what_is_read_stays() {
    let cache = Cache::new(SHARDS * 20_000);
    let (hot, status) = task();
    cache.keep(&hot, &status, cache.ticket(&hot));
    for _ in 0..5_000 {
        let (key, status) = task();
        cache.keep(&key, &status, cache.ticket(&key));
        assert!(cache.get(&hot).is_some());
    }
    let count = |shard: &Shard<Arc<TaskStatus>>| shard.young.len() + shard.old.len();
    let kept: usize = cache.shards.iter().map(|shard| count(&shard.lock())).sum();
    assert!((100..=SHARDS * 20_000 / 300).contains(&kept), "{kept}");
}

#[test]
fn rendered_statuses_are_weighed_by_their_text() {
    let bound = SHARDS * 40_000;
    let cache = Cache::new(bound);
    for _ in 0..20_000 {
        let (key, status) = task();
        cache.keep(&key, &Rendered::of(&status), cache.ticket(&key));
    }
    let text = |shard: &Shard<Rendered>| -> usize {
        shard.young.values().chain(shard.old.values()).map(|entry| entry.value.json.len()).sum()
    };
    let kept: usize = cache.shards.iter().map(|shard| text(&shard.lock())).sum();
    assert!((bound / 8..bound).contains(&kept), "{kept} of {bound}");
}
