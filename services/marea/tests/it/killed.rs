//! `marea up` at one address, killed at random moments.

use std::{path::Path, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use testkit::{Process, free_port, http};
use tokio::time::sleep;

use crate::program::command;

/// How long it may take to be ready: a debug build on busy cores.
pub const READY: Duration = Duration::from_secs(30);

/// `marea up` at one address, whichever process it is.
pub struct Up {
    pub process: Process,
    pub url: String,
}

impl Up {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = command("");
        command.args(["up", "--listen", &address, "--data"]).arg(data).args(more);
        let process = Process::start("marea up", command, &data.with_extension("log"));
        Self { process, url: format!("http://{address}") }
    }

    pub async fn ready(&self) {
        let (http, url) = (http(), format!("{}/readyz", self.url));
        let look = || async { http.get(&url).send().await?.error_for_status().map(drop) };
        self.process.ready(READY, look).await;
    }

    pub async fn kill_at_random(&self, kills: usize, mut random: StdRng) {
        for _ in 0..kills {
            // One in four meets it while it starts, perhaps.
            if random.random_bool(0.75) {
                self.ready().await;
            }
            sleep(Duration::from_millis(random.random_range(0..1_200))).await;
            self.process.restart();
        }
        self.ready().await;
    }
}
