//! A stand-in for MongoDB: SecantusDB speaks its wire protocol and keeps its data in WiredTiger.
//!
//! It is no `mongod`: one node, no quorum, and not every command. What is proved on it is that our use of
//! the official driver works and that nothing is lost or doubled when the store is paused or killed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::{Folder, Process, free_port, programs, shared};

/// It starts in a second or two on an idle machine: it is written in Python.
const STARTED: Duration = Duration::from_secs(90);
/// A probe of one that is paused has no answer.
const ANSWERED: Duration = Duration::from_secs(1);

/// A server that speaks MongoDB's wire protocol.
#[derive(Debug)]
pub struct Mongo {
    port: u16,
    process: Option<Process>,
    _folder: Option<Folder>,
}

impl Mongo {
    /// A server of one's own. `None`, and said, where secantusd-py is not installed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start() -> Option<Self> {
        let [program] = programs::find(["secantusd-py"])?;
        let folder = Folder::new("mongo");
        let port = free_port();
        let process = start_server(&program, port, folder.path());
        process.ready(STARTED, || ping(port)).await;
        Some(Self { port, process: Some(process), _folder: Some(folder) })
    }

    /// The server that all tests of a binary, or of the whole run, share: use a database of one's own.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Mongo>> = OnceCell::const_new();
        SHARED.get_or_init(shared_once).await.as_ref()
    }

    /// The URL of a database on it. It is one node that says it is a replica set: asked directly.
    pub fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?directConnection=true", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id; `None`: it was killed.
    pub fn pid(&self) -> Option<u32> {
        self.process().pid()
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.process().kill9();
    }

    /// Starts it again on its data and awaits that it answers.
    pub async fn restart(&self) {
        self.process().restart();
        self.process().ready(STARTED, || ping(self.port)).await;
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
        self.process.as_ref().expect("a server from the environment is for sharing; use Mongo::start to pause it")
    }
}

async fn shared_once() -> Option<Mongo> {
    let Some(ports) = shared::list(shared::MONGO) else { return Mongo::start().await };
    let port = ports.first().and_then(|port| port.parse().ok());
    let port = port.unwrap_or_else(|| panic!("{} is not a port", shared::MONGO));
    Some(Mongo { port, process: None, _folder: None })
}

fn start_server(program: &Path, port: u16, folder: &Path) -> Process {
    let mut command = Command::new(program);
    command.current_dir(folder).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command.arg("--storage-path").arg(folder.join("data")).args(["--log-level", "WARNING"]);
    // What `j: true` promises, it keeps only so.
    command.arg("--sync-on-commit");
    // Nobody reads its oplog, and the tests' machines are small.
    command.args(["--cache-size", "256M", "--oplog-max-entries", "1000"]);
    // Without a configuration file of the user's.
    command.env("HOME", folder);
    Process::start("secantusd-py", command, &folder.join("log"))
}

/// Asks `hello`: one message of the wire protocol there and one back.
async fn ping(port: u16) -> std::io::Result<()> {
    let asked = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(&hello()).await?;
        let mut length = [0; 4];
        connection.read_exact(&mut length).await.map(drop)
    };
    tokio::time::timeout(ANSWERED, asked).await?
}

/// `OP_MSG` with the document `{hello: 1, $db: "admin"}`.
fn hello() -> Vec<u8> {
    let mut document = b"\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0".to_vec();
    let size = u32::try_from(document.len() + 4).expect("a few bytes");
    document.splice(0..0, size.to_le_bytes());
    let mut message = Vec::new();
    // Length, request, response to, operation, flags; then a section of kind 0.
    for word in [21 + size, 1, 0, 2013, 0] {
        message.extend(word.to_le_bytes());
    }
    message.push(0);
    message.extend(document);
    message
}
