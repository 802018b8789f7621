//! Nothing outlives its handle or its parent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Folder, Process, until};

const SOON: Duration = Duration::from_secs(20);

/// A process that has a child of its own, and says both ids in its log.
fn family(folder: &Folder) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "sleep 600 & echo $! ; wait"]);
    Process::start("family", shell, &folder.path().join("log"))
}

async fn grandchild(process: &Process) -> String {
    let line = until("its child's id", SOON, || async {
        let text = std::fs::read_to_string(process.log()).unwrap_or_default();
        text.lines().next().map(str::to_owned).ok_or("nothing yet")
    });
    line.await.expect("the shell says it at once")
}

/// Alive and not a zombie; asked of `ps`, which every Unix has.
fn alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("every Unix has ps").stdout;
    let state = String::from_utf8_lossy(&state).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

async fn gone(pid: &str) {
    until("the end of a grandchild", SOON, || async { if alive(pid) { Err(pid) } else { Ok(()) } })
        .await
        .expect("it was killed");
}

#[tokio::test]
async fn a_dropped_handle_ends_the_whole_group() {
    let folder = Folder::new("ends");
    let process = family(&folder);
    let pid = grandchild(&process).await;
    assert!(alive(&pid));
    drop(process);
    gone(&pid).await;
    let path = folder.path().to_owned();
    drop(folder);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_paused_process_can_be_killed_and_started_again() {
    let folder = Folder::new("ends");
    let process = family(&folder);
    let pid = grandchild(&process).await;
    process.pause();
    process.kill9();
    gone(&pid).await;
    assert_eq!(process.pid(), None);
    process.restart();
    assert!(process.pid().is_some());
}

/// Set in the process that the next test starts and kills.
const PARENT: &str = "TESTKIT_PARENT_TO_BE_KILLED";

async fn wait_to_be_killed() {
    let folder = Folder::new("ends");
    let process = family(&folder);
    println!("{} {}", grandchild(&process).await, folder.path().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_parent_leaves_nothing_behind() {
    if std::env::var_os(PARENT).is_some() {
        return wait_to_be_killed().await;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap());
    parent.args(["--exact", "ends::a_killed_parent_leaves_nothing_behind", "--nocapture"]).env(PARENT, "1");
    let mut parent = parent.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find(|line| line.contains("marea-test-ends")).unwrap();
    // The harness prints `test name ... ` before what the test prints.
    let (pid, folder) = said.rsplit_once(' ').unwrap();
    let pid = pid.rsplit(' ').next().unwrap();
    assert!(alive(pid));

    parent.kill().unwrap();
    parent.wait().unwrap();
    gone(pid).await;
    until("the end of its folder", SOON, || async {
        if Path::new(folder).exists() { Err("it is there") } else { Ok(()) }
    })
    .await
    .unwrap();
}
