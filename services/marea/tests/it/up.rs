use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use crate::program::{CONFIG, Ran, Up, command, folder, marea, ok};

/// Far above what an idle machine takes.
const WITHIN: Duration = Duration::from_secs(120);

const APP: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1.27'}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: 'first'}
";

fn ephemeral() -> (tempfile::TempDir, Up) {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    (dir, up)
}

#[test]
fn an_ephemeral_one_leaves_nothing() {
    let (dir, up) = ephemeral();
    let left = || {
        let entries = std::fs::read_dir(dir.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir()).count()
    };
    ok(up.run(&["vote", "bands", "name=Alux", "album=Leyenda", "year=1989", "rank=5"]));
    assert_eq!(left(), 1);
    assert_eq!(up.interrupt(), 0);
    assert_eq!(left(), 0);
}

#[test]
fn a_task_is_applied_changed_reverted_and_rolled_back() {
    let (_dir, up) = ephemeral();
    let (files, path) = folder("shop", APP);
    let told = ok(up.run(&["apply", "-f", &path, "--wait"]));
    for line in [
        "PENDING              1 file, 2 objects",
        "Deployment/web       ready 2/2",
        "DONE                 2 of 2 objects healthy",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert_eq!(ok(up.run(&["list", "-o", "name"])), "shop\n");
    assert!(ok(up.run(&["get", "shop", "--rendered"])).contains("marea.dev/task: "));
    assert_eq!(ok(up.run(&["get", "shop"])).trim(), APP.trim());
    std::fs::write(files.path().join("shop/app.yaml"), APP.replace("first", "second")).expect("written");
    let diff = ok(up.run(&["diff", "-f", &path]));
    assert!(diff.contains("~ update    ConfigMap/settings") && diff.contains("\"first\" → \"second\""), "{diff}");
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    ok(up.run(&["revert", "shop", "--wait"]));
    assert!(ok(up.run(&["get", "shop", "--rendered"])).contains("a: first"));
    assert!(ok(up.run(&["status", "shop", "--events"])).contains("task.applied"));
    assert!(ok(up.run(&["delete", "shop", "--wait"])).contains("ROLLED_BACK"));
    let status: serde_json::Value = serde_json::from_str(&ok(up.run(&["status", "shop", "-o", "json"]))).expect("JSON");
    assert_eq!((&status["state"], &status["desired_revision"]), (&"ROLLED_BACK".into(), &4.into()));
    // A rolled back task's name is free again.
    ok(up.run(&["apply", "-f", &path, "--wait"]));
}

#[test]
fn what_does_not_become_healthy_in_time_is_exit_code_3_and_a_rejection_is_1() {
    let (_dir, up) = ephemeral();
    let stuck = APP.replace(
        "labels: {app: web}}\n    spec",
        "labels: {app: web}, annotations: {sandbox.marea.dev/outcome: ImagePullBackOff}}\n    spec",
    );
    let (_files, path) = folder("stuck", &stuck);
    let ran = up.run(&["apply", "-f", &path, "--wait", "--timeout", "5s"]);
    assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("ImagePull") && ran.err.contains("status stuck --watch"), "{}\n{}", ran.out, ran.err);
    let privileged = APP.replace("image: 'nginx:1.27'", "image: 'nginx:1.27', securityContext: {privileged: true}");
    let (_files, path) = folder("root", &privileged);
    let ran = up.run(&["apply", "-f", &path, "--wait"]);
    assert_eq!(ran.code, 1, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("REJECTED") && ran.err.contains("privileged"), "{}\n{}", ran.out, ran.err);
    assert_eq!(up.run(&["status", "none"]).code, 1);
    assert_eq!(up.run(&["revert", "root"]).code, 1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let (_dir, up) = ephemeral();
    let (_files, path) = folder("shop", CONFIG);
    assert!(ok(up.run(&["apply", "-f", &path, "--dry-run"])).contains("+ create    ConfigMap/settings"));
    assert_eq!(ok(up.run(&["list", "-o", "name"])), "");
}

#[test]
fn the_administrator_s_commands_work() {
    let (_dir, up) = ephemeral();
    ok(up.run(&["tenant", "set", "shop", "--namespace", "shop", "--policy", "restricted", "--allow", "nodePort"]));
    assert!(ok(up.run(&["tenant", "list"])).contains("restricted  shop        nodePort"));
    let token = ok(up.run(&["token", "create", "--tenant", "shop", "--scope", "read", "--expires", "1d"]));
    assert!(token.starts_with("mrt_"), "{token}");
    let listed = ok(up.run(&["token", "list"]));
    assert!(listed.contains("shop") && !listed.contains(token.trim()), "{listed}");
    let id = ok(up.run(&["token", "list", "-o", "name"]));
    ok(up.run(&["token", "revoke", id.trim()]));
    assert_eq!(ok(up.run(&["dead-letter", "list"])), "no dead letters\n");
    let shown = up.run(&["dead-letter", "show", "none"]);
    assert!(shown.code == 1 && shown.err.contains("there is no dead letter `none`"), "{}", shown.err);
    assert!(ok(up.run(&["doctor"])).contains("ok    ready"));
}

#[test]
fn a_tenant_s_namespaces_are_made_in_the_sandbox() {
    let admin = format!("mrt_{}_{}", "a".repeat(12), "b".repeat(64));
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral", "--admin-token", &admin]);
    let run = |token: &str, arguments: &[&str]| -> Ran {
        command(&up.server).env("MAREA_TOKEN", token).args(arguments).output().expect("started").into()
    };
    let names = ["--namespace", "team-a", "--namespace", "team-a-jobs"];
    ok(run(&admin, &[&["tenant", "set", "team-a"][..], &names].concat()));
    let token = ["token", "create", "--tenant", "team-a", "--scope", "read", "--scope", "write"];
    let token = ok(run(&admin, &token));
    let two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
               apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: team-a-jobs}\n";
    let (_files, path) = folder("shop", two);
    ok(run(token.trim(), &["apply", "-f", &path, "--dry-run"]));
    let told = ok(run(token.trim(), &["apply", "-f", &path, "--wait"]));
    assert!(told.contains("2 of 2 objects healthy"), "{told}");
    let other = run(&admin, &["tenant", "set", "team-b", "--namespace", "team-a"]);
    assert!(other.code == 1 && other.err.contains("`team-a` is tenant `team-a`'s"), "{} {}", other.code, other.err);
}

#[tokio::test]
async fn the_demo_s_task_is_done_and_its_ballots_are_counted() {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral", "--demo"]);
    let done = || async {
        let told = up.told();
        if told.contains("DONE                 6 of 6 objects healthy") { Ok(()) } else { Err(told) }
    };
    testkit::until("the demo's task to be done", WITHIN, done).await.unwrap_or_else(|e| panic!("{e}"));
    let told = up.told();
    assert!(told.contains("--server http://127.0.0.1:"), "what is printed reaches this server: {told}");
    for (contest, noun) in [("bands", " votes"), ("olympics", " scores")] {
        let counted = || async {
            let told = ok(up.run(&["contest", "standings", contest]));
            let count = told.split_once(noun).and_then(|(before, _)| before.rsplit(' ').next()?.parse::<u64>().ok());
            if count.is_some_and(|count| count > 0) { Ok(()) } else { Err(told) }
        };
        testkit::until("ballots to be counted", WITHIN, counted).await.unwrap_or_else(|e| panic!("{contest}: {e}"));
    }
    assert_eq!(up.interrupt(), 0);
}

#[test]
fn listening_beyond_this_computer_without_tokens_is_refused() {
    let ran = marea(&["up", "--ephemeral", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--insecure") && ran.err.contains("--admin-token"), "{}", ran.err);
}

#[test]
fn an_idle_process_is_small() {
    let (_dir, up) = ephemeral();
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", up.pid())) else { return };
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!(kilobytes <= 60 << 10, "{line}");
}

#[test]
fn what_is_stopped_before_it_is_ready_stops() {
    // Nobody listens there.
    let arguments = ["up", "--ephemeral", "--listen", "127.0.0.1:0", "--amqp", "amqp://127.0.0.1:1"];
    let mut up = command("http://127.0.0.1:1");
    let mut up = up.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let mut told = BufReader::new(up.stderr.take().expect("piped")).lines().map_while(Result::ok);
    assert!(told.by_ref().any(|line| line.contains("no connection to the broker")), "it ended by itself");
    let sent = Command::new("kill").arg(up.id().to_string()).status().expect("kill runs");
    assert!(sent.success());
    let rest: Vec<String> = told.collect();
    assert!(up.wait().expect("it ends").success(), "{rest:#?}");
    assert!(rest.iter().any(|line| line.starts_with("stopping")), "{rest:#?}");
}
