//! Faults at random moments, of one service and of one server at a time, each mended before the next.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use crate::line::platform::{Platform, Replica, SERVICES};

/// What may happen, each to one of a service's replicas where it is a service's.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KillService(&'static str),
    PauseService(&'static str),
    KillBroker,
    PauseTwoBrokers,
    KillRedisMaster,
}

/// What happens to services, one fault at a time: each to every service.
fn of_services() -> Vec<Fault> {
    SERVICES.into_iter().flat_map(|service| [Fault::KillService(service), Fault::PauseService(service)]).collect()
}

/// What happens to servers meanwhile, one fault at a time.
fn of_servers() -> Vec<Fault> {
    vec![Fault::KillBroker, Fault::PauseTwoBrokers, Fault::KillRedisMaster]
}

/// A source of faults.
pub struct Faults {
    random: StdRng,
    kinds: Vec<Fault>,
}

/// Faults until the work is done, and until every fault has happened to every service; gives the work's result.
pub async fn until_done<T>(line: &Platform, random: &mut StdRng, work: impl Future<Output = T>) -> T {
    let done = CancellationToken::new();
    let mut faults = |kinds: Vec<Fault>| Faults { random: StdRng::from_rng(random), kinds };
    let (services, servers) = (faults(of_services()), faults(of_servers()));
    let work = async {
        let result = work.await;
        done.cancel();
        result
    };
    tokio::join!(work, services.run(line, &done), servers.run(line, &done)).0
}

impl Faults {
    async fn run(mut self, line: &Platform, done: &CancellationToken) {
        let mut count = 0;
        while !done.is_cancelled() || count < self.kinds.len() {
            // Each in turn, so that a short run has all of them; moments and replicas are random.
            let fault = self.kinds[count % self.kinds.len()];
            self.one(line, fault).await;
            count += 1;
        }
        println!("{count} faults of {:?}", self.kinds);
    }

    async fn one(&mut self, line: &Platform, fault: Fault) {
        tokio::time::sleep(self.millis(100, 1_000)).await;
        println!("fault: {fault:?}");
        match fault {
            Fault::KillService(service) => {
                let replica = self.replica(line, service);
                replica.process.kill9();
                tokio::time::sleep(self.millis(0, 1_500)).await;
                replica.process.restart();
            }
            Fault::PauseService(service) => {
                let replica = self.replica(line, service);
                replica.process.pause();
                tokio::time::sleep(self.millis(500, 6_000)).await;
                replica.process.resume();
            }
            Fault::KillBroker => {
                let node = self.random.random_range(0..3);
                line.servers.rabbit.kill(node);
                tokio::time::sleep(self.millis(500, 3_000)).await;
                line.servers.rabbit.restart(node);
                line.servers.rabbit.recover().await;
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

    fn replica<'a>(&mut self, line: &'a Platform, service: &str) -> &'a Replica {
        let replicas: Vec<_> = line.replicas.iter().filter(|replica| replica.service == service).collect();
        replicas[self.random.random_range(0..replicas.len())]
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.random.random_range(from..to))
    }
}
