//! Ballots are cast while ingests with other numbers of queues and slots take the place of those that run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use super::{
    clients::Clients,
    platform::{Platform, Spread, Timing, seeded},
};

/// Ballots a second.
const RATE: f64 = 200.0;
/// How long each number stays.
const STAYS: Duration = Duration::from_secs(3);
/// How long a graceful stop may take on a busy machine.
const STOPS: Duration = Duration::from_secs(60);
/// More of both, more of one and less of the other, less of both.
const SPREADS: [Spread; 3] = [
    Spread { votes: 7, others: 4, slots: 12 },
    Spread { votes: 9, others: 1, slots: 3 },
    Spread { votes: 2, others: 2, slots: 5 },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_queues_and_slots_change_under_load_and_every_ballot_counts_once() {
    let mut random = seeded();
    let Some(line) = Platform::start(1, Timing { settle: 15, gone: 20, many: false }).await else { return };
    let clients = Clients::new(Arc::new(line), 2..9);
    let line = &clients.line;
    let (changed, acknowledged) = (AtomicBool::new(false), AtomicBool::new(false));
    let casting = StdRng::from_rng(&mut random);
    let casting = async {
        tokio::join!(clients.cast(RATE, &changed, casting), clients.poison(&changed));
        acknowledged.store(true, Ordering::Relaxed);
    };
    let changing = async {
        for spread in SPREADS {
            sleep(STAYS).await;
            replace_all(line, spread).await;
            // What was delivered to it comes again.
            let tally = &line.tallies[random.random_range(0..line.tallies.len())];
            tally.process().restart();
        }
        sleep(STAYS).await;
        changed.store(true, Ordering::Relaxed);
    };
    let watching = clients.watch(&line.tallies[0], &acknowledged);
    tokio::join!(casting, changing, watching);
    let queues = line.rabbit.depths(0, "%2F").await.unwrap();
    let of = |group: &str| queues.iter().filter(|queue| is_member(&queue.queue, group)).count();
    assert_eq!((of("votes"), of("winners"), of("losers")), (9, 4, 4), "{queues:?}");
    clients.check().await;
}

/// One after another, as a rollout does.
async fn replace_all(line: &Platform, spread: Spread) {
    for _ in 0..2 {
        let next = line.ingest(spread);
        next.await_ready().await;
        let before = {
            let mut ingests = line.ingests.write();
            ingests.push(next);
            ingests.remove(0)
        };
        before.process().terminate();
        assert_eq!(before.process().ended(STOPS).await, Ok(Some(0)), "{}", before.process().tail());
    }
}

fn is_member(queue: &str, group: &str) -> bool {
    let index = queue.strip_prefix(&format!("marea.ballots.{group}."));
    index.is_some_and(|index| index.parse::<usize>().is_ok())
}
