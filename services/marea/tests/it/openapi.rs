//! The interface as its own document describes it, asked by a tool that nobody here wrote.

use std::{path::Path, process::Command};

use crate::program::{Ran, Up, folder};

/// Any, but the same each time.
const SEED: &str = "7";
/// Test cases an operation and phase: half a minute for all.
const EXAMPLES: &str = "20";

/// Something to be asked about.
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: nginx}]}\n";

fn ephemeral() -> (tempfile::TempDir, Up) {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    (dir, up)
}

#[test]
fn schemathesis_finds_nothing() {
    let program = testkit::cache().join("bin/schemathesis");
    if !program.is_file() {
        return testkit::skip("schemathesis is not installed (run libs/testkit/servers/install.sh)");
    }
    let (dir, up) = ephemeral();
    let (_files, path) = folder("shop", POD);
    assert_eq!(up.run(&["apply", "-f", &path, "--wait"]).code, 0);
    let mut command = Command::new(program);
    // It writes what it found into the folder that it runs in.
    command.current_dir(dir.path()).arg("--config-file");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", up.server)).args(["--checks", "all", "--no-color"]);
    command.args(["--seed", SEED, "--max-examples", EXAMPLES, "--generation-database", "none"]);
    let ran = Ran::from(command.output().expect("started"));
    assert!(ran.code == 0 && ran.out.contains("Test cases:"), "{}\n{}", ran.out, ran.err);
}

#[tokio::test]
async fn the_public_document_is_openapi_3_1_and_names_nothing_internal() {
    let (_dir, up) = ephemeral();
    let answer = testkit::http().get(format!("{}/openapi.json", up.server)).send().await.expect("answered");
    let document: serde_json::Value = answer.json().await.expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{document}");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.contains_key("/yaml") && paths.contains_key("/status/{id}"), "{paths:?}");
    assert!(paths.keys().all(|path| !path.starts_with("/internal")), "{:?}", paths.keys());
}
