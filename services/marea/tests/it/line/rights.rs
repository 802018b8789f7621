//! Least rights: cluster-applier may impersonate the tenant's ServiceAccount and read what it watches,
//! nothing else; the ServiceAccount may write the allowed kinds in the tenant's namespace, nothing else.

use kube::{
    Api, Client,
    api::{DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use schema::kinds::ALLOWED;
use serde_json::{Value, json};

/// The user that cluster-applier's certificate names.
pub const APPLIER: &str = "marea-cluster-applier";
/// The tenant's ServiceAccount.
pub const RUNNER: &str = "marea-runner";

/// Makes them in a namespace that exists.
pub async fn grant(client: &Client, namespace: &str) {
    let runner = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": RUNNER}});
    create(client, namespace, runner).await;
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let mut rules: Vec<Value> = ALLOWED
        .iter()
        .map(|kind| json!({"apiGroups": [kind.group], "resources": [kind.plural], "verbs": all}))
        .collect();
    rules.push(json!({"apiGroups": [""], "resources": ["pods/log", "events"], "verbs": ["get", "list"]}));
    rules.push(json!({"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list"]}));
    let subject = json!({"kind": "ServiceAccount", "name": RUNNER, "namespace": namespace});
    bind(client, namespace, RUNNER, rules, subject).await;

    let watched = ALLOWED.iter().filter(|kind| kind.template.is_some());
    let mut rules: Vec<Value> = watched
        .map(|kind| json!({"apiGroups": [kind.group], "resources": [kind.plural], "verbs": ["get", "list", "watch"]}))
        .collect();
    let impersonate = json!({"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": [RUNNER],
        "verbs": ["impersonate"]});
    rules.push(impersonate);
    let subject = json!({"kind": "User", "name": APPLIER, "apiGroup": "rbac.authorization.k8s.io"});
    bind(client, namespace, APPLIER, rules, subject).await;
}

async fn bind(client: &Client, namespace: &str, name: &str, rules: Vec<Value>, subject: Value) {
    let group = "rbac.authorization.k8s.io";
    let version = format!("{group}/v1");
    let role = json!({"apiVersion": version, "kind": "Role", "metadata": {"name": name}, "rules": rules});
    create(client, namespace, role).await;
    let binding = json!({"apiVersion": version, "kind": "RoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name}, "subjects": [subject]});
    create(client, namespace, binding).await;
}

async fn create(client: &Client, namespace: &str, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let types = object.types.clone().expect("apiVersion and kind");
    let kind = GroupVersionKind::try_from(types).expect("group and version");
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&kind));
    api.create(&PostParams::default(), &object).await.expect("an administrator may create it");
}

/// The objects with the label of any task in a namespace, without those that a controller owns.
pub async fn left_over(client: &Client, namespace: &str) -> Vec<String> {
    let mut found = vec![];
    for kind in &ALLOWED {
        let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
        let labelled = kube::api::ListParams::default().labels("marea.dev/task");
        let list = api.list(&labelled).await.expect("an administrator may list");
        let own = list
            .items
            .into_iter()
            .filter(|o| !o.metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true)));
        found.extend(own.map(|o| format!("{}/{}", kind.kind, o.metadata.name.unwrap_or_default())));
    }
    found
}
