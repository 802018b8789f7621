//! `k8s/overlays/single` with the addresses of the servers that run here, as a kustomization over it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testkit::Kubernetes;

/// Tasks of a load have two ConfigMaps each; the tenant's quota is for 250 of them.
const CONFIG_MAPS: &str = "50000";

/// kwok calls a pod ready for the moment until its process is looked at: no pod before it is to go for that.
const MIN_READY_SECONDS: u32 = 3;

/// What the manifests cannot know.
pub struct Addresses {
    pub amqp: String,
    pub redis: String,
    pub mongo: String,
    pub blobs_options: String,
    pub front: String,
    pub adapter_port: u16,
    pub admin_token: String,
}

/// Writes the kustomization and applies it.
pub fn apply(kubernetes: &Kubernetes, folder: &Path, addresses: &Addresses, scaled: bool) -> Result<()> {
    let folder = folder.join("overlay");
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let kustomization = kustomization(&relative(&folder)?, addresses, scaled);
    std::fs::write(folder.join("kustomization.yaml"), kustomization.to_string())?;
    let mut kubectl = kubernetes.kubectl().ok_or_else(|| anyhow::anyhow!("no kubectl"))?;
    let output = kubectl.args(["apply", "--server-side", "-k"]).arg(&folder).output()?;
    ensure!(output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// kustomize takes relative paths only.
fn relative(folder: &Path) -> Result<PathBuf> {
    let up = "../".repeat(folder.components().count() - 1);
    let base = testkit::workspace().join("k8s/overlays/single").canonicalize()?;
    Ok(Path::new(&up).join(base.strip_prefix("/")?))
}

fn kustomization(base: &Path, to: &Addresses, scaled: bool) -> Value {
    let merged = |name: &str, literals: Vec<String>| json!({"name": name, "namespace": "marea", "behavior": "merge", "literals": literals});
    let patch = |kind: &str, name: &str, operations: Value| json!({"target": {"kind": kind, "name": name}, "patch": operations.to_string()});
    // The API server reaches the adapter, which is a process here, by a name instead of a Service's address.
    let named =
        json!([{"op": "replace", "path": "/spec", "value": {"type": "ExternalName", "externalName": "localhost"}}]);
    let port = json!([{"op": "add", "path": "/spec/service/port", "value": to.adapter_port}]);
    let quota = json!([{"op": "replace", "path": "/spec/hard/count~1configmaps", "value": CONFIG_MAPS}]);
    let mut patches = vec![
        patch("Service", "prometheus-adapter", named),
        patch("APIService", ".*", port),
        patch("ResourceQuota", ".*", quota),
    ];
    if !scaled {
        let gone = json!({"$patch": "delete", "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "any"}});
        patches.push(json!({"target": {"kind": "HorizontalPodAutoscaler"}, "patch": gone.to_string()}));
        let ready = json!([{"op": "add", "path": "/spec/minReadySeconds", "value": MIN_READY_SECONDS}]);
        patches.push(patch("Deployment", ".*", ready));
    }
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "configMapGenerator": [merged("console", vec![format!("MAREA_SERVER={}", to.front)])],
        "secretGenerator": [
            merged("marea-platform", vec![
                format!("amqp={}", to.amqp),
                format!("redis={}", to.redis),
                format!("blobs-options={}", to.blobs_options),
            ]),
            merged("marea-tally", vec![format!("mongo={}", to.mongo)]),
            {"name": "marea-admin", "namespace": "marea", "literals": [format!("token={}", to.admin_token)]},
        ],
        "patches": patches,
    })
}
