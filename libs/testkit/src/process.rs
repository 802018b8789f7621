//! A child process in a group of its own.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{reaper, until};

/// Lines of a log that are shown when a server fails.
const TAIL: usize = 40;
/// Bound on the way of a SIGSTOP to the last thread, on a machine that is busy.
const STOPPED: Duration = Duration::from_secs(10);

/// A process with its whole group: killed by SIGKILL when dropped, and when this process dies.
/// What it prints is appended to a file.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    command: Command,
    child: Option<Child>,
}

impl Process {
    /// Starts it. `log` is made where absent.
    ///
    /// # Panics
    /// Where the program cannot be started or its log cannot be written.
    pub fn start(name: impl Into<String>, mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log);
        let file = file.unwrap_or_else(|e| panic!("cannot write {}: {e}", log.display()));
        let both = file.try_clone().expect("a file that is open can be shared");
        command.stdin(Stdio::null()).stdout(both).stderr(file).process_group(0);
        let state = Mutex::new(State { command, child: None });
        let process = Self { name: name.into(), log: log.to_owned(), state };
        process.restart();
        process
    }

    /// Starts it again, as it was started; where it still runs, it is killed first.
    pub fn restart(&self) {
        self.kill9();
        let mut state = self.lock();
        let child = state.command.spawn();
        let child = child.unwrap_or_else(|e| panic!("cannot start {} ({:?}): {e}", self.name, state.command));
        reaper::kill_at_end(child.id());
        state.child = Some(child);
    }

    /// Its process id, which is its group's too. `None`: it was killed.
    pub fn pid(&self) -> Option<u32> {
        self.lock().child.as_ref().map(Child::id)
    }

    /// SIGKILL to the whole group, paused or not; waits for the end. Nothing where it has ended.
    pub fn kill9(&self) {
        let Some(mut child) = self.lock().child.take() else { return };
        signal(child.id(), Signal::KILL);
        // A child that was waited for already has its status kept: this cannot fail or hang.
        let _ = child.wait();
        reaper::forget_group(child.id());
    }

    /// SIGTERM to the process's group: a graceful stop. Await its end with [`Process::ended`].
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP to the whole group: it keeps its connections and answers nothing. Returns once each of its threads
    /// stands still: the signal is on its way for a moment, in which a question would still be answered.
    ///
    /// # Panics
    /// Where it still runs after 10 s.
    #[expect(clippy::disallowed_methods, reason = "a pause takes a moment, and is asked for where nothing is awaited")]
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let began = Instant::now();
        while self.pid().is_some_and(group_runs) {
            assert!(began.elapsed() < STOPPED, "{} does not stop at SIGSTOP", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGCONT to the whole group.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Awaits that it ends by itself; gives its exit code (`None`: by a signal).
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub async fn ended(&self, within: Duration) -> Result<Option<i32>, String> {
        until(&format!("the end of {}", self.name), within, || async {
            self.exit().ok_or_else(|| "it still runs".to_owned())
        })
        .await
    }

    /// Awaits that a probe succeeds.
    ///
    /// # Panics
    /// When it does not within the time, or when the process ends before; with the log's last lines.
    pub async fn ready<T, E, F>(&self, within: Duration, mut probe: impl FnMut() -> F) -> T
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        let watched = until(&self.name, within, || {
            let ended = self.exit();
            let probing = probe();
            async move {
                match (ended, probing.await) {
                    (_, Ok(answer)) => Ok(Ok(answer)),
                    (Some(code), Err(e)) => Ok(Err(format!("{} ended ({code:?}) before it was ready: {e}", self.name))),
                    (None, Err(e)) => Err(e),
                }
            }
        });
        watched.await.and_then(|answer| answer).unwrap_or_else(|e| panic!("{e}\n{}", self.tail()))
    }

    /// Whether it ended, by itself or killed.
    pub fn has_ended(&self) -> bool {
        self.exit().is_some()
    }

    /// The file with what it prints.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of what it printed, to be shown when a test fails.
    pub fn tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        format!("--- {} printed at last ---\n{}\n---", self.name, last.join("\n"))
    }

    /// The exit code where it has ended; `Some(None)` by a signal.
    fn exit(&self) -> Option<Option<i32>> {
        match &mut self.lock().child {
            None => Some(None),
            Some(child) => child.try_wait().ok().flatten().map(|status| status.code()),
        }
    }

    fn signal(&self, signal_: Signal) {
        if let Some(pid) = self.pid() {
            signal(pid, signal_);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn signal(group: u32, signal: Signal) {
    let group = i32::try_from(group).ok().and_then(Pid::from_raw).expect("a child's id is a positive i32");
    // The group may have ended in this instant, which is no error to anybody.
    let _ = kill_process_group(group, signal);
}

/// Whether a thread of the group's processes is neither stopped nor dead. Where there is no `/proc`, nobody knows: no.
fn group_runs(group: u32) -> bool {
    numbered(Path::new("/proc"))
        .filter(|process| stat(process).is_some_and(|(_, of)| of == group))
        .flat_map(|process| numbered(&process.join("task")).collect::<Vec<_>>())
        .any(|thread| stat(&thread).is_some_and(|(state, _)| !"TtZX".contains(state)))
}

/// The folders in `parent` that are named by a number.
fn numbered(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|n| n.as_encoded_bytes().iter().all(u8::is_ascii_digit)))
}

/// A process's or thread's state and group: proc(5), the third and fifth field of `stat`, after a name in parentheses.
fn stat(folder: &Path) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(folder.join("stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}
