//! Faults at random moments, of one process and of one server at a time, each mended before the next.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio::time::sleep;

use super::platform::{Log, Platform, Replica};

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KillIngest,
    PauseIngest,
    KillTally,
    PauseTally,
    KillBroker,
    PauseBroker,
    KillTwoBrokers,
    PauseTwoBrokers,
    KillRedisMaster,
    PauseRedisMaster,
    KillLog,
    PauseLog,
}

const PROCESSES: [Fault; 4] = [Fault::KillIngest, Fault::PauseIngest, Fault::KillTally, Fault::PauseTally];
const SERVERS: [Fault; 8] = [
    Fault::KillBroker,
    Fault::PauseBroker,
    Fault::KillTwoBrokers,
    Fault::PauseTwoBrokers,
    Fault::KillRedisMaster,
    Fault::PauseRedisMaster,
    Fault::KillLog,
    Fault::PauseLog,
];
/// The longest pause, in milliseconds.
const PAUSE: u64 = 6_000;

/// Faults until `over`; gives their number.
pub async fn run(line: &Platform, random: &mut StdRng, over: &AtomicBool) -> usize {
    let count = AtomicUsize::new(0);
    let mut source = |kinds: &[Fault]| Source { line, random: StdRng::from_rng(random), kinds: kinds.to_vec() };
    // An embedded log goes with its process.
    let servers = if let Log::Mongo(_) = line.log { &SERVERS[..] } else { &SERVERS[..6] };
    let (mut processes, mut servers) = (source(&PROCESSES), source(servers));
    tokio::join!(processes.run(over, &count), servers.run(over, &count));
    count.into_inner()
}

struct Source<'a> {
    line: &'a Platform,
    random: StdRng,
    kinds: Vec<Fault>,
}

impl Source<'_> {
    async fn run(&mut self, over: &AtomicBool, count: &AtomicUsize) {
        loop {
            // Each kind once a round, in any order.
            self.kinds.shuffle(&mut self.random);
            for fault in self.kinds.clone() {
                self.sleep(300, 2_500).await;
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let began = std::time::Instant::now();
                self.one(fault).await;
                println!("fault: {fault:?}, mended after {:?}", began.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn one(&mut self, fault: Fault) {
        let line = self.line;
        match fault {
            Fault::KillIngest => self.kill(&line.ingests()).await,
            Fault::PauseIngest => self.pause(&line.ingests()).await,
            Fault::KillTally => self.kill(&line.tallies).await,
            Fault::PauseTally => self.pause(&line.tallies).await,
            Fault::KillBroker => self.kill_brokers(1).await,
            Fault::KillTwoBrokers => self.kill_brokers(2).await,
            Fault::PauseBroker => self.pause_brokers(1).await,
            Fault::PauseTwoBrokers => self.pause_brokers(2).await,
            Fault::KillRedisMaster => self.kill_redis().await,
            Fault::PauseRedisMaster => self.pause_redis().await,
            Fault::KillLog => {
                let Log::Mongo(mongo) = &line.log else { return };
                mongo.kill();
                self.sleep(0, 2_000).await;
                mongo.restart().await;
            }
            Fault::PauseLog => {
                let Log::Mongo(mongo) = &line.log else { return };
                mongo.pause();
                self.sleep(500, PAUSE).await;
                mongo.resume();
            }
        }
    }

    async fn kill(&mut self, replicas: &[Replica]) {
        let replica = &replicas[self.random.random_range(0..replicas.len())];
        replica.process().kill9();
        self.sleep(0, 1_500).await;
        replica.process().restart();
    }

    async fn pause(&mut self, replicas: &[Replica]) {
        let replica = &replicas[self.random.random_range(0..replicas.len())];
        replica.process().pause();
        self.sleep(500, PAUSE).await;
        replica.process().resume();
    }

    fn brokers(&mut self, count: usize) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..self.line.rabbit.nodes()).collect();
        nodes.shuffle(&mut self.random);
        nodes.truncate(count);
        nodes
    }

    async fn kill_brokers(&mut self, count: usize) {
        let (nodes, rabbit) = (self.brokers(count), &self.line.rabbit);
        nodes.iter().for_each(|node| rabbit.kill(*node));
        self.sleep(500, 3_000).await;
        nodes.iter().for_each(|node| rabbit.restart(*node));
        rabbit.recover().await;
    }

    async fn pause_brokers(&mut self, count: usize) {
        let (nodes, rabbit) = (self.brokers(count), &self.line.rabbit);
        nodes.iter().for_each(|node| rabbit.pause(*node));
        self.sleep(1_000, PAUSE).await;
        nodes.iter().for_each(|node| rabbit.resume(*node));
    }

    /// A master that has counters; what it did not send to its replica is lost with it: it keeps nothing on disk.
    async fn kill_redis(&mut self) {
        let Some(master) = self.master().await else { return };
        self.line.redis.kill(master);
        self.sleep(2_500, 4_000).await;
        self.line.redis.restart(master).await;
        self.line.redis.await_ok().await;
    }

    /// Long enough that its replica takes its place, or not.
    async fn pause_redis(&mut self) {
        let Some(master) = self.master().await else { return };
        self.line.redis.pause(master);
        self.sleep(1_000, PAUSE).await;
        self.line.redis.resume(master);
        self.line.redis.await_ok().await;
    }

    async fn master(&mut self) -> Option<usize> {
        let key = format!("{{c:bands:{}}}", self.random.random_range(0..8));
        self.line.redis.master_of(&key).await.ok()
    }

    async fn sleep(&mut self, from: u64, to: u64) {
        sleep(Duration::from_millis(self.random.random_range(from..to))).await;
    }
}
