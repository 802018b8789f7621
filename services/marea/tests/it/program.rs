//! Runs the program.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A finished run.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

pub fn command(server: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marea"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAREA_")) {
        command.env_remove(name);
    }
    command.env("MAREA_SERVER", server).stdin(Stdio::null());
    command
}

/// Runs without a server.
pub fn marea(arguments: &[&str]) -> Ran {
    command("http://127.0.0.1:1").args(arguments).output().expect("started").into()
}

/// Runs with this text on stdin.
pub fn with_input(arguments: &[&str], input: &str) -> Ran {
    let mut command = command("http://127.0.0.1:1");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
    child.wait_with_output().expect("ended").into()
}

/// `marea up`, ended with the value.
pub struct Up {
    child: Child,
    pub server: String,
    out: PathBuf,
}

impl Up {
    /// Starts over this folder, and waits until it is ready.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::spawn(command("http://127.0.0.1:1"), data, more)
    }

    /// Starts over the cluster of this kubeconfig, whose context is `test`; keeps nothing.
    pub fn on_cluster(kubeconfig: &Path, unused: &Path) -> Self {
        let mut command = command("http://127.0.0.1:1");
        command.env("KUBECONFIG", kubeconfig);
        Self::spawn(command, unused, &["--ephemeral", "--kube-context", "test"])
    }

    fn spawn(mut command: Command, data: &Path, more: &[&str]) -> Self {
        let ready = data.with_extension(format!("ready-{}", std::process::id()));
        std::fs::remove_file(&ready).ok();
        command.args(["up", "--listen", "127.0.0.1:0"]).arg("--ready-file").arg(&ready).args(more);
        // What an ephemeral one leaves where it is killed goes with the test's folder.
        command.env("TMPDIR", data.parent().expect("a folder of the test's"));
        if !more.contains(&"--ephemeral") {
            command.arg("--data").arg(data);
        }
        let out = data.with_extension(format!("out-{}", std::process::id()));
        let file = std::fs::File::create(&out).expect("a folder of the test's");
        let mut child = command.stdout(file).spawn().expect("started");
        let until = Instant::now() + Duration::from_secs(60);
        let server = loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                break text.trim().to_owned();
            }
            assert!(child.try_wait().expect("asked").is_none(), "it ended instead of being ready");
            assert!(Instant::now() < until, "not ready in time");
            std::thread::yield_now();
        };
        std::fs::remove_file(&ready).expect("it was there");
        Self { child, server, out }
    }

    /// What it has printed.
    pub fn told(&self) -> String {
        std::fs::read_to_string(&self.out).expect("UTF-8")
    }

    /// Runs a command against it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        command(&self.server).args(arguments).output().expect("started").into()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("ended");
    }

    /// SIGINT, and what it ends with.
    pub fn interrupt(mut self) -> i32 {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("sent").success());
        self.child.wait().expect("ended").code().unwrap_or(-1)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_file(&self.out).ok();
    }
}

/// A folder with one manifest file.
pub fn folder(name: &str, manifest: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let inside = dir.path().join(name);
    std::fs::create_dir(&inside).expect("made");
    std::fs::write(inside.join("app.yaml"), manifest).expect("written");
    let path = inside.display().to_string();
    (dir, path)
}

pub const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \"1\"}\n";

/// What a command printed that succeeded.
pub fn ok(ran: Ran) -> String {
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    ran.out
}
