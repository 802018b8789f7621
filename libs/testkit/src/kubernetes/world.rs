//! What a cluster has before anybody uses it: nodes, a StorageClass, namespaces.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::until;

/// A controller makes the ServiceAccount `default` within a second on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// Nodes, and what controllers do only once there are some.
pub(super) async fn create(client: &Client, nodes: usize) {
    if nodes == 0 {
        return;
    }
    for number in 0..nodes {
        create_one(&Api::<Node>::all(client.clone()), node(number)).await;
    }
    let default = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    let metadata = json!({"name": "standard", "annotations": default});
    let class = json!({"metadata": metadata, "provisioner": "kubernetes.io/host-path"});
    create_one(&Api::<StorageClass>::all(client.clone()), class).await;
    await_account(client, "default").await;
}

/// A namespace; where controllers run it is ready for pods.
pub(super) async fn namespace(client: &Client, name: &str) {
    create_one(&Api::<Namespace>::all(client.clone()), json!({"metadata": {"name": name}})).await;
    let nodes = Api::<Node>::all(client.clone()).list_metadata(&kube::api::ListParams::default()).await;
    if nodes.is_ok_and(|nodes| !nodes.items.is_empty()) {
        await_account(client, name).await;
    }
}

fn node(number: usize) -> Value {
    let name = format!("node-{number}");
    let labels = json!({"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"});
    json!({"metadata": {"name": name, "labels": labels}})
}

async fn create_one<K>(api: &Api<K>, object: Value)
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let object = serde_json::from_value(object).expect("our own object is of this kind");
    let made = api.create(&PostParams::default(), &object).await;
    made.unwrap_or_else(|e| panic!("cannot make {object:?}: {e}"));
}

/// Pods are refused before their namespace has its ServiceAccount.
async fn await_account(client: &Client, namespace: &str) {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let account = until("the ServiceAccount `default`", READY, || accounts.get_metadata("default")).await;
    account.unwrap_or_else(|e| panic!("{e}"));
}
