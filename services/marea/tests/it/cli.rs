use std::{io::Read as _, process::Stdio};

use crate::program::{CONFIG, Ran, command, folder, marea, with_input};

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_0() {
    assert_eq!(marea(&["no-such-command"]).code, 2);
    assert_eq!(marea(&["apply"]).code, 2);
    assert_eq!(marea(&["list", "--state", "dancing"]).code, 2);
    assert_eq!(marea(&["logs", "a", "no-kind"]).code, 2);
    assert_eq!(marea(&["apply", "-f", "/no/such/file"]).code, 2);
    let help = marea(&["apply", "--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("  marea apply -f k8s/ --wait"), "{}", help.out);
}

#[test]
fn a_file_that_is_named_without_its_flag_is_told_the_flag() {
    let ran = marea(&["apply", "Cargo.toml"]);
    assert!(ran.code == 2 && ran.err.contains("apply -f Cargo.toml`"), "{}", ran.err);
    let ran = marea(&["apply", "no-such-file"]);
    assert!(ran.code == 2 && !ran.err.contains("apply -f no-such-file"), "{}", ran.err);
}

#[test]
fn a_server_of_the_environment_is_no_option_that_must_be_given() {
    let ran: Ran = command("http://127.0.0.1:1").args(["get", "--no-such"]).output().expect("ran").into();
    assert!(ran.code == 2 && !ran.err.contains("--server"), "{}", ran.err);
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
fn what_cannot_be_sent_is_wrong_usage() {
    for task in ["..", ".", ""] {
        for arguments in
            [vec!["status", task], vec!["get", task], vec!["delete", task], vec!["dead-letter", "drop", task]]
        {
            let ran = marea(&arguments);
            assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
            assert!(ran.err.contains(&format!("`{task}` is not an id or a name")), "{}", ran.err);
        }
    }
    let ran = marea(&["dead-letter", "requeue", ".."]);
    assert!(ran.code == 2 && ran.err.contains(" dead-letter list`"), "{}", ran.err);
    let secret: Ran =
        command("http://127.0.0.1:1").env("MAREA_TOKEN", "mrt_0_1\n").arg("list").output().expect("ran").into();
    assert_eq!(secret.code, 2, "{}", secret.err);
    assert!(
        secret.err.contains("set MAREA_TOKEN to the token alone") && !secret.err.contains("mrt_0"),
        "{}",
        secret.err
    );
}

#[test]
fn a_wrong_address_is_wrong_usage_and_told_what_is_expected() {
    for (flag, wrong, expected) in [
        ("--amqp", "bogus", "amqp://user:password@host"),
        ("--redis", "bogus", "redis-cluster://host:port"),
        // A word alone is a folder.
        ("--blobs", "ftp://bogus", "s3://bucket"),
    ] {
        let ran = marea(&["up", "--ephemeral", "--listen", "127.0.0.1:0", flag, wrong]);
        assert_eq!(ran.code, 2, "{flag}: {}", ran.err);
        assert!(ran.err.contains(expected), "{flag}: {}", ran.err);
    }
    let ran = marea(&["--server", "127.0.0.1:8080", "list"]);
    assert!(ran.code == 2 && ran.err.contains("expected http://HOST[:PORT]"), "{}", ran.err);
}

#[test]
fn a_variable_that_nothing_knows_is_wrong_usage_of_up_alone() {
    let with = |variables: &[(&str, &str)], arguments: &[&str]| -> Ran {
        let mut command = command("http://127.0.0.1:1");
        command.env("MAREA_TOKEN", "mrt_0_1").envs(variables.iter().copied());
        command.args(arguments).output().expect("started").into()
    };
    let up = ["up", "--ephemeral", "--listen", "127.0.0.1:0"];
    let ran = with(&[("MAREA_COLOUR", "red")], &up);
    assert!(ran.code == 2 && ran.err.contains("MAREA_COLOUR is not a setting"), "{}", ran.err);
    let ran = with(&[("MAREA_DRAIN_SECONDS", "soon")], &up);
    assert!(ran.code == 2 && ran.err.contains("expected a whole number"), "{}", ran.err);
    // One of a service on its own would be passed over in silence.
    let ran = with(&[("MAREA_ACCESS", "tokens")], &up);
    assert!(ran.code == 2 && ran.err.contains("MAREA_ACCESS is not used here: without --admin-token"), "{}", ran.err);
    // Known ones lead on to what is wrong with the arguments.
    let known = [("MAREA_REFOLD_SECONDS", "60"), ("MAREA_OTLP", ""), ("MAREA_SECURE_COOKIE", "false")];
    let ran = with(&known, &[&up[..], &["--amqp", "bogus"]].concat());
    assert!(ran.code == 2 && ran.err.contains("amqp://"), "{}", ran.err);
    assert_eq!(with(&[("MAREA_COLOUR", "red")], &["list"]).code, 4);
}

#[test]
fn up_reads_a_file_and_prints_what_holds_without_secrets() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("up.yaml");
    std::fs::write(&file, "rollback_seconds: 7\nlisten: 127.0.0.1:1\n").expect("written");
    let arguments = ["up", "--print-config", "--admin-token", "mrt_a_secret"];
    let mut command = command("http://127.0.0.1:1");
    command.env("MAREA_CONFIG", &file).env("MAREA_LISTEN", "127.0.0.1:2").env("MAREA_AMQP_PREFIX", "mine.");
    let ran: Ran = command.args(arguments).output().expect("started").into();
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in ["rollback_seconds: 7", "listen: 127.0.0.1:2", "amqp_prefix: mine.", "log: warn"] {
        assert!(ran.out.lines().any(|printed| printed == line), "{line}: {}", ran.out);
    }
    assert!(!ran.out.contains("a_secret"), "{}", ran.out);
    let help = marea(&["up", "--help"]).out;
    assert!(help.contains("MAREA_KUBE_CONTEXT") && help.contains("rollback_seconds"), "{help}");
    std::fs::write(&file, "targets: {a: b}\n").expect("written");
    let ran = marea(&["up", "--config", file.to_str().expect("UTF-8")]);
    assert!(ran.code == 2 && ran.err.contains("`targets` is not used here"), "{}", ran.err);
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
