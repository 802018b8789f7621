//! An S3 server over a folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::{Folder, Process, free_port, http, programs, shared};

/// It starts in a tenth of a second on an idle machine.
const STARTED: Duration = Duration::from_secs(60);

/// An S3 server.
#[derive(Debug)]
pub struct S3 {
    endpoint: String,
    data: PathBuf,
    process: Option<Process>,
    _folder: Option<Folder>,
}

impl S3 {
    /// A server of one's own. `None`, and said, where versitygw is not installed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start() -> Option<Self> {
        let [gateway] = programs::find(["versitygw"])?;
        let folder = Folder::new("s3");
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).expect("a folder of our own is writable");
        let port = free_port();
        let process = start_gateway(&gateway, port, &data, folder.path());
        let endpoint = format!("http://127.0.0.1:{port}");
        process.ready(STARTED, || http().get(&endpoint).send()).await;
        Some(Self { endpoint, data, process: Some(process), _folder: Some(folder) })
    }

    /// The server that all tests of a binary, or of the whole run, share: use a [`S3::bucket`] of one's own.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<S3>> = OnceCell::const_new();
        SHARED.get_or_init(shared_once).await.as_ref()
    }

    /// The endpoint's URL, plain HTTP, path style.
    pub fn url(&self) -> &str {
        &self.endpoint
    }

    /// The access key's id.
    pub fn key(&self) -> &'static str {
        "marea-test"
    }

    /// The access key's secret.
    pub fn secret(&self) -> &'static str {
        "marea-test-secret"
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> &'static str {
        "us-east-1"
    }

    /// Makes an empty bucket (dropping what one of that name holds) and gives `s3://<name>`.
    ///
    /// # Panics
    /// Where its folder cannot be written.
    pub fn bucket(&self, name: &str) -> String {
        let folder = self.data.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("a bucket is a folder of ours");
        }
        std::fs::create_dir(&folder).expect("a bucket is a folder of ours");
        format!("s3://{name}")
    }

    /// The folder that it serves: a bucket is a folder, an object a file.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.process().kill9();
    }

    /// Starts it again and awaits that it answers.
    pub async fn restart(&self) {
        self.process().restart();
        self.process().ready(STARTED, || http().get(&self.endpoint).send()).await;
    }

    /// SIGSTOP: connections stay open and silent.
    pub fn pause(&self) {
        self.process().pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process().resume();
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a server from the environment is for sharing; use S3::start to pause it")
    }
}

async fn shared_once() -> Option<S3> {
    match shared::list(shared::S3).as_deref() {
        Some([data, endpoint]) => {
            Some(S3 { endpoint: endpoint.clone(), data: data.into(), process: None, _folder: None })
        }
        Some(_) => panic!("{} must be <folder>,<endpoint>", shared::S3),
        None => S3::start().await,
    }
}

fn start_gateway(gateway: &Path, port: u16, data: &Path, folder: &Path) -> Process {
    let mut command = Command::new(gateway);
    command.args(["--access", "marea-test", "--secret", "marea-test-secret", "--region", "us-east-1"]);
    command.args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "posix"]).arg(data);
    Process::start("versitygw", command, &folder.join("log"))
}
