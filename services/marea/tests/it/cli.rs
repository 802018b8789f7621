use std::{io::Read as _, process::Stdio};

use crate::program::{CONFIG, command, folder, marea, with_input};

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_0() {
    assert_eq!(marea(&["no-such-command"]).code, 2);
    assert_eq!(marea(&["apply"]).code, 2);
    assert_eq!(marea(&["list", "--state", "dancing"]).code, 2);
    assert_eq!(marea(&["logs", "a", "no-kind"]).code, 2);
    assert_eq!(marea(&["apply", "-f", "/no/such/file"]).code, 2);
    let help = marea(&["apply", "--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains(concat!(env!("CARGO_BIN_EXE_marea"), " apply -f k8s/ --wait")), "{}", help.out);
}

#[test]
fn an_absent_server_is_exit_code_4_and_says_what_to_do() {
    for arguments in [vec!["list"], vec!["status", "a"], vec!["delete", "a"], vec!["doctor"]] {
        let ran = marea(&arguments);
        assert_eq!(ran.code, 4, "{arguments:?}: {}", ran.err);
        let hint = concat!(env!("CARGO_BIN_EXE_marea"), " up`");
        assert!(ran.err.contains(hint) || ran.out.contains(hint), "{arguments:?}: {} {}", ran.out, ran.err);
    }
    assert_eq!(marea(&["--server", "nonsense", "list"]).code, 2);
}

#[test]
fn a_clean_file_is_exit_code_0_and_a_problem_names_its_line() {
    let (_dir, path) = folder("shop", CONFIG);
    let ran = marea(&["check", &path]);
    assert_eq!((ran.code, ran.out.starts_with("ok: 1 file, 1 object")), (0, true), "{}", ran.out);
    let (_dir, path) = folder("shop", "apiVersion: v1\nkind: DaemonSet\nmetadata: {name: a}\n");
    let ran = marea(&["check", &path]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains(&format!("{path}/app.yaml:")) && ran.out.contains("refused"), "{}", ran.out);
}

#[test]
fn check_reads_stdin_and_speaks_json() {
    let ran = with_input(&["check", "-o", "json", "-"], "a: [");
    assert_eq!(ran.code, 1);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&value["ok"], &value["problems"][0]["file"]), (&false.into(), &"stdin".into()), "{value}");
}

#[test]
fn check_shows_what_would_be_added() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'a:1'}]}\n";
    let (_dir, path) = folder("shop", pod);
    let ran = marea(&["check", "--diff", &path]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.out.contains("+++ Pod/a") && ran.out.contains("+      requests:") || ran.out.contains("+        requests:"),
        "{}",
        ran.out
    );
    let strict = marea(&["check", "--policy", "privileged", "--no-defaults", "--diff", &path]);
    assert!(strict.code == 0 && !strict.out.contains("+++"), "{}", strict.out);
}

#[test]
fn apply_checks_here_before_it_sends() {
    let (_dir, path) = folder("shop", "kind: [");
    let ran = marea(&["apply", "-f", &path]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("nothing was sent: 1 problem") && ran.err.contains("app.yaml:1:"), "{}", ran.err);
}

#[test]
fn colours_are_only_for_terminals_unless_asked_for() {
    let (_dir, path) = folder("shop", CONFIG);
    assert!(!marea(&["check", &path]).out.contains('\x1b'));
    assert!(marea(&["--color", "always", "check", &path]).out.contains('\x1b'));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = command("http://127.0.0.1:1")
        .args(["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!((child.wait().expect("ended").code(), err.as_str()), (Some(0), ""));
}

#[test]
fn the_version_is_said_for_people_and_programs() {
    assert_eq!(marea(&["version"]).out, concat!("marea ", env!("CARGO_PKG_VERSION"), "\n"));
    let value: serde_json::Value = serde_json::from_str(&marea(&["version", "-o", "json"]).out).expect("JSON");
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
    assert!(marea(&["version", "-o", "yaml"]).out.starts_with("version: "));
}

#[test]
fn every_shell_has_its_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(marea(&["completion", shell]).out.contains("dead-letter"), "{shell}");
    }
}
