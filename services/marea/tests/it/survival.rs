//! One process over one data folder, killed: nothing is lost, nothing is done twice.

mod kills;
mod ledger;
mod servers;

use crate::program::{CONFIG, Up, command, folder};

#[test]
fn a_second_start_says_who_has_the_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let up = Up::start(&data, &[]);
    let second = command("").args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().expect("ended");
    let err = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{err}");
    assert!(err.contains(&format!("in use by process {}", up.pid())), "{err}");
}

#[test]
fn a_kill_loses_nothing_and_a_reset_keeps_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let (_files, path) = folder("shop", CONFIG);
    let up = Up::start(&data, &[]);
    assert_eq!(up.run(&["apply", "-f", &path, "--wait"]).code, 0);
    // Taken, and perhaps not even begun when the process is killed.
    assert_eq!(up.run(&["apply", "-f", &path, "--name", "second"]).code, 0);
    up.kill();
    let up = Up::start(&data, &[]);
    let status = up.run(&["status", "shop", "-o", "json"]).out;
    assert!(status.contains("\"state\": \"DONE\""), "{status}");
    let second = up.run(&["status", "second", "--watch"]);
    assert!(second.code == 0 && second.out.contains("FAILED"), "the same ConfigMap is shop's: {}", second.out);
    let gone = up.run(&["delete", "shop", "--wait"]);
    assert!(gone.out.contains("ROLLED_BACK"), "{}{}", gone.out, gone.err);
    assert_eq!(up.interrupt(), 0);
    let up = Up::start(&data, &["--reset"]);
    assert_eq!(up.run(&["list", "-o", "name"]).out, "");
}
