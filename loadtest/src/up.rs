//! Runs the release binaries: `marea up`, and the services one by one.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use testkit::{Process, free_port, http, until};

use crate::cpu;

/// How long a start may take on a machine that is busy with other servers.
const WITHIN: Duration = Duration::from_secs(30);

/// `marea up` on a data folder of its own.
pub struct Up {
    /// Its address.
    pub url: String,
    /// The process.
    pub process: Process,
    /// From the start of the process until it is ready.
    pub started_in: Duration,
    _folder: Option<TempDir>,
}

/// A binary beside this one.
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is not built: cargo build --release --workspace", path.display());
    Ok(path)
}

impl Up {
    /// Starts it on a new data folder.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut up = Self::start_on(folder.path(), arguments).await?;
        up._folder = Some(folder);
        Ok(up)
    }

    /// Starts it on this data folder.
    pub async fn start_on(folder: &Path, arguments: &[&str]) -> Result<Self> {
        let ready = folder.join("ready");
        let mut command = Command::new(binary("marea")?);
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        command.arg("--ready-file").arg(&ready).args(arguments);
        let began = Instant::now();
        let process = Process::start("marea up", command, &folder.join("marea.log"));
        while !ready.exists() && began.elapsed() < WITHIN {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let started_in = began.elapsed();
        let url = std::fs::read_to_string(&ready)?.lines().next().unwrap_or_default().trim().to_owned();
        ensure!(!url.is_empty(), "marea up did not become ready: {}", process.tail());
        let url = if url.starts_with("http") { url } else { format!("http://{url}") };
        Ok(Self { url, process, started_in, _folder: None })
    }

    /// Seconds of a core that it has spent.
    pub fn seconds(&self) -> f64 {
        self.process.pid().map_or(0.0, cpu::seconds)
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> Result<f64> {
        let pid = self.process.pid().unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

/// A service as its own process, over these servers.
pub async fn service(name: &str, variables: &[(&str, String)], logs: &Path) -> Result<(Process, String)> {
    let port = free_port();
    let mut command = Command::new(binary(name)?);
    command.env("MAREA_LISTEN", format!("127.0.0.1:{port}")).envs(variables.iter().map(|(k, v)| (k, v)));
    let process = Process::start(name, command, &logs.join(format!("{name}.log")));
    let url = format!("http://127.0.0.1:{port}");
    let probe = format!("{url}/readyz");
    let ready = || async {
        let answer = http().get(&probe).send().await?.error_for_status();
        answer.map(drop)
    };
    until(name, WITHIN, ready).await.map_err(|e| anyhow::anyhow!("{e}\n{}", process.tail()))?;
    Ok((process, url))
}
