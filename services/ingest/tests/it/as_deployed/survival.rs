//! Ballots are cast while everything is killed and paused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use super::{
    clients::Clients,
    faults,
    platform::{Platform, Timing, seeded, setting},
};

/// How long faults happen, unless told.
const SHORT: Duration = Duration::from_secs(40);
/// Ballots a second, unless told.
const RATE: u32 = 200;
/// Faults of the short run at least; a minute of a long one has six at least.
const FAULTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_ballot_counts_once_while_processes_and_servers_are_killed_and_paused() {
    let mut random = seeded();
    let minutes = setting("TESTKIT_MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    // A long run waits as long as production does; the short one as long as its pauses ask for.
    let timing =
        minutes.map_or(Timing { settle: 15, gone: 20, many: false }, |_| Timing { settle: 120, gone: 75, many: true });
    let Some(line) = Platform::start(3, timing).await else { return };
    let rate = setting("TESTKIT_RATE").and_then(|rate| u32::try_from(rate).ok()).unwrap_or(RATE);
    // What few cast at a time is a batch each, of which the stand-in for MongoDB takes three hundred a second: one costs it
    // some 2 ms until it is settled. More at a time in the long run leave it room for its pauses.
    let many = minutes.map_or(2..9, |_| 30..300);
    let clients = Clients::new(Arc::new(line), many);
    let line = &clients.line;
    let (mended, acknowledged) = (AtomicBool::new(false), AtomicBool::new(false));
    let (timed, mut faulty) = (AtomicBool::new(false), StdRng::from_rng(&mut random));

    let time = async {
        sleep(minutes.unwrap_or(SHORT)).await;
        timed.store(true, Ordering::Relaxed);
    };
    let faults = async {
        let happened = faults::run(line, &mut faulty, &timed).await;
        // Some are cast when all is well again.
        sleep(Duration::from_secs(2)).await;
        mended.store(true, Ordering::Relaxed);
        happened
    };
    let casting = async {
        tokio::join!(clients.cast(rate.into(), &mended, random), clients.poison(&mended));
        acknowledged.store(true, Ordering::Relaxed);
    };
    let [first, second] = [0, 1].map(|tally| clients.watch(&line.tallies[tally], &acknowledged));
    let began = Instant::now();
    let ((), happened, (), first, second) = tokio::join!(time, faults, casting, first, second);
    let refusals = clients.refusals.each_ref().map(|count| count.load(Ordering::Relaxed));
    let (took, sums) = (began.elapsed(), clients.sums());
    println!(
        "{happened} faults in {took:?} at {rate} ballots/s, {sums:?} acknowledged; answers unknown, not accepted, broken: \
         {refusals:?}; audits and standings seen: {first} and {second}"
    );
    let wanted = minutes.map_or(FAULTS, |minutes| usize::try_from(minutes.as_secs() / 10).expect("few"));
    assert!(happened >= wanted && first > 0 && second > 0, "{happened} faults, {first} and {second} answers");
    let last = Instant::now();
    clients.check().await;
    println!("checked after {:?}", last.elapsed());
}
