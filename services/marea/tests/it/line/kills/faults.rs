//! Faults at random moments, one at a time, each mended before the next.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use rand::{RngExt as _, rngs::StdRng};

use crate::line::platform::Platform;

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KillService,
    PauseService,
    KillBroker,
    PauseTwoBrokers,
    KillRedisMaster,
}

/// A service's faults are as frequent as all of the servers': they mend faster.
const FAULTS: [Fault; 8] = [
    Fault::KillService,
    Fault::KillService,
    Fault::KillService,
    Fault::PauseService,
    Fault::PauseService,
    Fault::KillBroker,
    Fault::PauseTwoBrokers,
    Fault::KillRedisMaster,
];

/// A source of faults.
pub struct Faults {
    random: StdRng,
}

impl Faults {
    pub fn new(random: StdRng) -> Self {
        Self { random }
    }

    /// Faults until the work is done; gives its result and the number of faults.
    pub async fn until_done<T>(mut self, line: &Platform, work: impl Future<Output = T>) -> (T, usize) {
        let mut work = pin!(work);
        let mut count = 0;
        loop {
            let fault = FAULTS[self.random.random_range(0..FAULTS.len())];
            let one = pin!(self.one(line, fault));
            match select(work, one).await {
                // The fault that has begun is mended before anybody looks.
                Either::Left((done, rest)) => {
                    rest.await;
                    return (done, count + 1);
                }
                Either::Right(((), rest)) => work = rest,
            }
            count += 1;
        }
    }

    async fn one(&mut self, line: &Platform, fault: Fault) {
        tokio::time::sleep(self.millis(100, 1_000)).await;
        println!("fault: {fault:?}");
        match fault {
            Fault::KillService => {
                let replica = &line.replicas[self.random.random_range(0..line.replicas.len())];
                replica.process.kill9();
                tokio::time::sleep(self.millis(0, 1_500)).await;
                replica.process.restart();
            }
            Fault::PauseService => {
                let replica = &line.replicas[self.random.random_range(0..line.replicas.len())];
                replica.process.pause();
                tokio::time::sleep(self.millis(500, 6_000)).await;
                replica.process.resume();
            }
            Fault::KillBroker => {
                let node = self.random.random_range(0..3);
                line.servers.rabbit.kill(node);
                tokio::time::sleep(self.millis(500, 3_000)).await;
                line.servers.rabbit.restart(node);
                line.servers.rabbit.await_ready(node).await;
            }
            Fault::PauseTwoBrokers => {
                let spared = self.random.random_range(0..3);
                let nodes = (0..3).filter(|node| *node != spared);
                nodes.clone().for_each(|node| line.servers.rabbit.pause(node));
                tokio::time::sleep(self.millis(1_000, 4_000)).await;
                nodes.for_each(|node| line.servers.rabbit.resume(node));
            }
            Fault::KillRedisMaster => self.kill_redis_master(line).await,
        }
    }

    /// The master's last writes are lost with it: it keeps nothing on disk.
    async fn kill_redis_master(&mut self, line: &Platform) {
        let key = format!("key-{}", self.random.random::<u32>());
        let Ok(master) = line.servers.redis.master_of(&key).await else { return };
        line.servers.redis.kill(master);
        tokio::time::sleep(self.millis(2_500, 4_000)).await;
        line.servers.redis.restart(master).await;
        line.servers.redis.await_ok().await;
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.random.random_range(from..to))
    }
}
