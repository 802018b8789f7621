use super::*;

#[test]
fn the_script_installs_the_version_that_is_looked_for() {
    let script = std::fs::read_to_string(crate::workspace().join("libs/testkit/servers/install.sh")).unwrap();
    assert!(script.contains(&format!("\nkubernetes={KUBERNETES}\n")));
    let module = std::fs::read_to_string(crate::workspace().join("libs/testkit/servers/kubernetes/go.mod")).unwrap();
    assert!(module.contains(&format!("k8s.io/kubernetes v{KUBERNETES}\n")));
}
