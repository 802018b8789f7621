//! The program as its containers run it: separate processes over a real broker and a folder.

use std::{path::Path, process::Command, time::Duration};

use testkit::{Process, RabbitMq, until};

const WITHIN: Duration = Duration::from_secs(60);

struct Run<'a> {
    amqp: String,
    folder: &'a Path,
}

impl Run<'_> {
    fn start(&self, role: &str, name: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swj"));
        command.arg(role).env("AMQP_URL", &self.amqp).env("RUN", "test");
        command.env("BLOBS_URL", format!("file://{}", self.folder.display()));
        command.env("SAMPLES", "400000").env("CHUNKS", "40");
        Process::start(name, command, &self.folder.join(format!("{name}.log")))
    }

    async fn ends_well(&self, process: &Process) {
        assert_eq!(process.ended(WITHIN).await, Ok(Some(0)), "{}", process.tail());
    }

    fn results(&self) -> usize {
        std::fs::read_dir(self.folder.join("test/results")).map_or(0, Iterator::count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_works_and_joins_although_a_worker_is_killed_and_the_splitter_runs_twice() {
    let Some(broker) = RabbitMq::shared().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = Run { amqp: broker.vhost("swj").await, folder: folder.path() };

    let joiner = run.start("join", "joiner");
    let victim = run.start("work", "victim");
    run.ends_well(&run.start("split", "splitter")).await;
    let some = async || (run.results() >= 3).then_some(()).ok_or("no result yet".to_owned());
    until("first results", WITHIN, some).await.expect("the first worker works");
    victim.kill9();
    let workers = [run.start("work", "worker-1"), run.start("work", "worker-2")];
    run.ends_well(&run.start("split", "splitter-again")).await;
    run.ends_well(&joiner).await;

    assert_eq!(run.results(), 40);
    let sum = std::fs::read_to_string(folder.path().join("test/sum")).expect("the sum is written");
    let pi: f64 = sum.parse().expect("a number");
    assert!((pi - std::f64::consts::PI).abs() < 0.02, "{pi}");
    for worker in &workers {
        worker.terminate();
        run.ends_well(worker).await;
    }
    broker.drop_vhost("swj").await;
}
