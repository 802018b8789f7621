//! Commands about tasks and tenants, against everything in one process.

use serde_json::Value;

use crate::program::{CONFIG, Ran, Up, folder, ok};

fn up() -> (tempfile::TempDir, Up) {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    (dir, up)
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ok(ran)).expect("JSON")
}

fn config_maps(names: &[&str]) -> String {
    names.iter().map(|name| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")).collect()
}

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: prepare, image: 'nginx:1.29'}]
      containers: [{name: web, image: 'nginx:1.29'}]
";

#[test]
fn a_revision_that_is_to_be_replaced_must_be_there() {
    let (_dir, up) = up();
    let (_files, path) = folder("shop", CONFIG);
    let apply = |revision: &str| up.run(&["apply", "-f", &path, "--wait", "--if-revision", revision]);
    let absent = apply("1");
    assert!(absent.code == 1 && absent.err.contains("no task `shop` whose revision 1"), "{}", absent.err);
    assert_eq!(ok(up.run(&["list", "-o", "name"])), "");
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    ok(apply("1"));
    let other = apply("1");
    assert!(other.code == 1 && other.err.contains("the highest revision is 2"), "{}", other.err);
    ok(up.run(&["delete", "shop", "--wait"]));
    // A task that is rolled back is none that could be replaced, nor is it made anew.
    assert_eq!(apply("3").code, 1);
    assert_eq!(json(up.run(&["status", "shop", "-o", "json"]))["desired_revision"], 3);
    let nameless = up.run(&["apply", "-f", "-", "--if-revision", "1", "--no-check"]);
    assert_eq!(nameless.code, 2, "{}", nameless.err);
}

#[test]
fn what_deletes_most_objects_is_confirmed_by_a_flag_of_apply_diff_and_revert() {
    let (_dir, up) = up();
    let (files, path) = folder("shop", &config_maps(&["a", "b", "c"]));
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    std::fs::write(files.path().join("shop/app.yaml"), config_maps(&["a"])).expect("written");
    let diff = up.run(&["diff", "-f", &path]);
    assert!(diff.code == 1 && diff.out.contains("--confirm-prune"), "{}\n{}", diff.out, diff.err);
    assert!(ok(up.run(&["diff", "-f", &path, "--confirm-prune"])).contains("- delete    ConfigMap/c"));
    let refused = up.run(&["apply", "-f", &path, "--wait"]);
    assert!(refused.code == 1 && refused.err.contains("--confirm-prune"), "{}\n{}", refused.out, refused.err);
    ok(up.run(&["apply", "-f", &path, "--wait", "--confirm-prune"]));
    ok(up.run(&["revert", "shop", "--to", "1", "--wait"]));
    let refused = up.run(&["revert", "shop", "--to", "3", "--wait"]);
    assert!(refused.code == 1 && refused.err.contains("--confirm-prune"), "{}\n{}", refused.out, refused.err);
    ok(up.run(&["revert", "shop", "--to", "3", "--wait", "--confirm-prune"]));
    let target = up.run(&["revert", "shop", "--to", "1", "--target", "west"]);
    assert!(target.code == 1 && target.err.contains("no cluster of that name"), "{}", target.err);
    assert_eq!(up.run(&["diff", "--name", "shop", "--revision", "1", "--confirm-prune"]).code, 2);
}

#[test]
fn logs_are_of_every_container_of_one_pod_or_of_one_container() {
    let (_dir, up) = up();
    let (_files, path) = folder("shop", PODS);
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    let all = ok(up.run(&["logs", "shop", "--tail", "1"]));
    assert_eq!((all.lines().count(), all.matches("/prepare: ").count()), (4, 2), "{all}");
    assert_eq!(ok(up.run(&["logs", "shop", "--tail", "1", "--container", "web"])).lines().count(), 2);
    let pod = format!("Pod/{}", all.split('/').next().expect("a pod"));
    assert_eq!(ok(up.run(&["logs", "shop", &pod, "--tail", "1"])).lines().count(), 2);
    let absent = up.run(&["logs", "shop", "Deployment/none"]);
    assert!(absent.code == 1 && absent.err.contains(" status shop`"), "{}", absent.err);
    assert!(absent.err.contains("the task has no object `Deployment/none`"), "{}", absent.err);
}

#[test]
fn a_command_about_a_task_says_what_it_did_as_asked() {
    let (_dir, up) = up();
    let (files, path) = folder("shop", CONFIG);
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    std::fs::write(files.path().join("shop/app.yaml"), CONFIG.replace("\"1\"", "\"2\"")).expect("written");
    assert_eq!(ok(up.run(&["diff", "-f", &path, "-o", "name"])), "ConfigMap/settings\n");
    ok(up.run(&["apply", "-f", &path, "--wait"]));
    let differs = json(up.run(&["diff", "--name", "shop", "--revision", "1", "-o", "json"]));
    assert_eq!(differs["objects"][0]["name"], "settings", "{differs}");
    assert!(differs["objects"][0]["diff"].as_str().is_some_and(|diff| diff.contains("@@")), "{differs}");
    let names = ok(up.run(&["diff", "--name", "shop", "--revision", "1", "-o", "name"]));
    assert_eq!(names, "ConfigMap/settings\n");
    assert_eq!(ok(up.run(&["revert", "shop", "-o", "name"])), "shop\n");
    assert_eq!(ok(up.run(&["delete", "shop", "-o", "name", "--wait"])), "shop\n");
    let again = json(up.run(&["delete", "shop", "-o", "json"]));
    assert_eq!((&again["state"], &again["revision"]), (&"ROLLED_BACK".into(), &4.into()), "{again}");
    assert_eq!(ok(up.run(&["delete", "shop", "-o", "name"])), "shop\n");
}

#[test]
fn a_command_of_the_administrator_s_says_what_it_did_as_asked() {
    let (_dir, up) = up();
    let tenant = json(up.run(&["tenant", "set", "shop", "--namespace", "shop", "-o", "json"]));
    assert_eq!(tenant["name"], "shop");
    for command in [&["tenant", "set", "shop"][..], &["tenant", "show", "shop"]] {
        assert_eq!(ok(up.run(&[command, &["-o", "name"]].concat())), "shop\n");
    }
    let create = ["token", "create", "--tenant", "shop", "--scope", "read"];
    let made = json(up.run(&[&create[..], &["-o", "json"]].concat()));
    assert!(made["token"].as_str().is_some_and(|t| t.starts_with("mrt_")) && made.get("hash").is_none(), "{made}");
    let id = ok(up.run(&[&create[..], &["-o", "name"]].concat()));
    assert!(id.trim().len() == 12 && !id.contains('_'), "{id}");
    assert_eq!(json(up.run(&["token", "revoke", id.trim(), "-o", "json"]))["revoked"], id.trim());
    assert_eq!(json(up.run(&["tenant", "delete", "shop", "-o", "json"]))["deleted"], "shop");
    let none = up.run(&["dead-letter", "drop", "none", "-o", "json"]);
    assert!(none.code == 1 && none.out.contains("\"dropped\": []"), "{}", none.out);
}
