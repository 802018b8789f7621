//! Random facts of many tasks, in random order and batches, repeated, from many writers at once.

use std::sync::Arc;

use domain::{Fact, FactBody, Health, Problem, status};
use futures::future::join_all;
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use state::States;

use crate::facts::{Task, tenant};

type Store = Arc<dyn States>;

const WRITERS: usize = 8;
const TASKS: usize = 40;

fn bodies() -> Vec<FactBody> {
    let objects = vec![];
    vec![
        FactBody::Validated { objects: 1, warnings: vec![], added: vec!["a".into()] },
        FactBody::Rejected { problems: vec![Problem::error("code", "what")] },
        FactBody::ApplyStarted { objects: 1 },
        FactBody::Applied { observed: 50, objects: objects.clone(), kept: vec![], warnings: vec![] },
        FactBody::Failed { problems: vec![], objects: objects.clone() },
        FactBody::Reverted { to: 1, observed: 11 },
        FactBody::RollbackRequested {},
        FactBody::RollbackBlocked { problems: vec![], objects },
        FactBody::RolledBack { kept: vec![] },
    ]
}

fn random_fact(random: &mut StdRng, task: &Task) -> Fact {
    let revision = random.random_range(1..4);
    let health = *[Health::Healthy, Health::Progressing, Health::Degraded].choose(random).expect("some");
    // Two observations of one version differ in nothing: what was seen is the version's.
    let observed = random.random_range(0..60) * 3 + health as u64;
    let progress = FactBody::Progress { observed, health, objects: vec![] };
    let body = if random.random_bool(0.4) { progress } else { bodies().choose(random).expect("some").clone() };
    task.fact(revision, body)
}

fn seed() -> u64 {
    let seed = std::env::var("TESTKIT_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("again with TESTKIT_SEED={seed}");
    seed
}

pub async fn facts_in_any_order_from_many_writers_give_what_fold_gives(store: Store) {
    let random = &mut StdRng::seed_from_u64(seed());
    let tenant = tenant();
    let tasks: Vec<_> = (0..TASKS).map(|n| Task::of(&tenant, &format!("task-{n}"))).collect();
    let facts: Vec<Vec<Fact>> =
        tasks.iter().map(|task| (0..random.random_range(1..30)).map(|_| random_fact(random, task)).collect()).collect();

    let writers = (0..WRITERS).map(|_| {
        // Every writer has all facts, as consumers of redelivered messages may, each in another order.
        let mut own = facts.concat();
        own.shuffle(random);
        let size = random.random_range(1..40);
        let store = store.clone();
        async move {
            for batch in own.chunks(size) {
                store.add(batch).await.expect("an answer");
            }
        }
    });
    join_all(writers.map(tokio::spawn).collect::<Vec<_>>()).await.into_iter().for_each(|w| w.expect("no panic"));

    for (task, facts) in tasks.iter().zip(&facts) {
        let expected = status::fold(facts).expect("facts");
        let found = store.get(&task.key).await.expect("an answer").expect("the task");
        let version = found.version;
        assert!(version >= expected.version, "{version} < {}", expected.version);
        assert_eq!(*found, domain::TaskStatus { version, ..expected });
    }
}
