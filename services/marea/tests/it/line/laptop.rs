//! `marea up` over the same cluster, for people whose rights end at one namespace.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use testkit::{http, until};

use super::{
    platform::Platform,
    rights::{APPLIER, RUNNER},
};
use crate::program::{CONFIG, Up, folder};

const WITHIN: Duration = Duration::from_secs(60);

/// Missing rights are told, those that are there suffice, and an API server that is away is no readiness.
pub async fn works_with_the_rights_of_one_namespace(line: &Platform) {
    let dir = tempfile::tempdir().expect("a folder");
    let reader = up(line, APPLIER, dir.path()).told();
    let lacks = ["warning: may not create, patch, delete deployments", "warning: may not get pods/log"];
    assert!(lacks.iter().all(|line| reader.contains(line)), "{reader}");

    let runner = format!("system:serviceaccount:{}:{RUNNER}", line.namespace);
    let up = up(line, &runner, dir.path());
    let told = up.told();
    assert!(told.contains("warning: rights in the namespace team-a only"), "{told}");
    assert!(!told.contains("warning: may not"), "{told}");
    let (_files, path) = folder("inside", &CONFIG.replace("name: settings", "name: inside, namespace: team-a"));
    for arguments in [["apply", "-f", &path, "--wait"].as_slice(), &["delete", "inside", "--wait"]] {
        let ran = up.run(arguments);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }

    assert_eq!(not_ready(&up).await, Value::Object(serde_json::Map::new()));
    line.servers.kube.api_server().pause();
    let named = || async {
        let missing = not_ready(&up).await;
        missing.get("cluster").map(drop).ok_or_else(|| missing.to_string())
    };
    let told = until("the cluster to be missed", WITHIN, named).await;
    line.servers.kube.api_server().resume();
    told.unwrap_or_else(|e| panic!("{e}"));
}

/// `marea up` of a user whose context names the tenant's namespace.
fn up(line: &Platform, user: &str, folder: &Path) -> Up {
    let text = fs::read_to_string(line.servers.kube.kubeconfig_as(user, &[])).expect("it was made");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["contexts"][0]["context"]["namespace"] = line.namespace.into();
    let path = folder.join("kubeconfig");
    fs::write(&path, config.to_string()).expect("a folder of our own");
    Up::on_cluster(&path, &folder.join("unused"))
}

/// What `/readyz` says is not ready.
async fn not_ready(up: &Up) -> Value {
    let answer = http().get(format!("{}/readyz", up.server)).send().await.expect("it runs");
    answer.json::<Value>().await.expect("JSON")["not_ready"].take()
}
