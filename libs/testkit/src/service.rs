//! The services' own binaries as processes of their own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::{Folder, Process, free_port, http};

/// A service connects to everything before it is ready; it takes less than a second on an idle machine.
const STARTED: Duration = Duration::from_secs(60);

/// A running binary of this workspace that listens on a port of its own.
#[derive(Debug)]
pub struct Service {
    url: String,
    process: Process,
    _folder: Folder,
}

impl Service {
    /// Starts `target/<profile>/<name>` with these variables and `MAREA_LISTEN`, and nothing else that is
    /// Marea's from this process's environment. Awaits `/readyz`.
    ///
    /// # Panics
    /// Where the binary is not built, ends, or is not ready in time; with its log's last lines.
    pub async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let service = Self::start_unready(name, variables);
        service.await_ready().await;
        service
    }

    /// As [`Service::start`], without awaiting that it is ready.
    ///
    /// # Panics
    /// Where the binary is not built.
    pub fn start_unready(name: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_command(name, &[], variables)
    }

    /// As [`Service::start_unready`], with arguments.
    ///
    /// # Panics
    /// Where the binary is not built.
    pub fn start_command(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = Folder::new(name);
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(binary(name));
        command.args(arguments);
        for (variable, _) in std::env::vars_os().filter(|(v, _)| v.to_string_lossy().starts_with("MAREA_")) {
            command.env_remove(variable);
        }
        command.current_dir(folder.path()).env("MAREA_LISTEN", &address).envs(variables.iter().copied());
        let process = Process::start(name, command, &folder.path().join("log"));
        Self { url: format!("http://{address}"), process, _folder: folder }
    }

    /// Awaits that `/readyz` says yes.
    ///
    /// # Panics
    /// Where it ends, or is not ready in time; with its log's last lines.
    pub async fn await_ready(&self) {
        self.process.ready(STARTED, || ready(&self.url)).await;
    }

    /// Its URL, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process, to be killed, paused and restarted (on the same port).
    pub fn process(&self) -> &Process {
        &self.process
    }
}

async fn ready(url: &str) -> Result<(), String> {
    let answer = http().get(format!("{url}/readyz")).timeout(Duration::from_secs(5)).send().await;
    let answer = answer.map_err(|e| e.to_string())?;
    match answer.status().as_u16() {
        200 => Ok(()),
        status => Err(format!("/readyz says {status}: {}", answer.text().await.unwrap_or_default())),
    }
}

/// A binary of this workspace, of the same profile as the running test.
///
/// # Panics
/// Where it is not built.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows its file");
    // target/<profile>/deps/it-1234 or target/<profile>/testkit
    let built = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    built.unwrap_or_else(|| panic!("the binary `{name}` is not built (cargo build --workspace, as make test does)"))
}
