use domain::access::Policy;
use serde_json::json;

use super::*;
use crate::{REDACTED, redact, redact_source};

#[test]
fn labels_and_namespace_are_added_but_never_to_selectors_and_claims() {
    let text = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  serviceName: s\n  selector: {matchLabels: {a: b}}\n  \
        template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}]}}\n  \
        volumeClaimTemplates: [{metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n";
    let object = objects(&rendering(text)).remove(0);
    let labels = json!({"marea.dev/task": task().to_string(), "marea.dev/tenant": "local"});
    assert_eq!(object["metadata"], json!({"name": "s", "namespace": "default", "labels": labels}));
    let mut template = labels.clone();
    template["a"] = "b".into();
    assert_eq!(object["spec"]["template"]["metadata"]["labels"], template);
    assert_eq!(object["spec"]["selector"], json!({"matchLabels": {"a": "b"}}));
    assert_eq!(object["spec"]["volumeClaimTemplates"][0]["metadata"], json!({"name": "v"}));
}

#[test]
fn requests_are_added_only_where_neither_request_nor_limit_is() {
    let text = pod(
        "  initContainers:\n  - {name: a, image: i, resources: {limits: {cpu: 1}}}\n  - {name: b, image: i, resources: {requests: {cpu: 1, memory: 1Gi}}}\n",
    );
    let rendering = rendering(&text);
    let spec = &objects(&rendering)[0]["spec"];
    assert_eq!(spec["containers"][0]["resources"], json!({"requests": {"cpu": "100m", "memory": "128Mi"}}));
    assert_eq!(spec["initContainers"][0]["resources"], json!({"limits": {"cpu": 1}, "requests": {"memory": "128Mi"}}));
    assert_eq!(spec["initContainers"][1]["resources"], json!({"requests": {"cpu": 1, "memory": "1Gi"}}));
    let added = rendering.rendered.unwrap().added;
    assert_eq!(added, ["automountServiceAccountToken: false: Pod/p", "requests of 100m CPU, 128Mi memory: Pod/p"]);
}

#[test]
fn tokens_are_mounted_only_where_a_service_account_is_named() {
    let mounted = |spec: &str| objects(&rendering(&pod(spec)))[0]["spec"]["automountServiceAccountToken"].clone();
    assert_eq!(mounted(""), json!(false));
    assert_eq!(mounted("  serviceAccountName: a\n"), Value::Null);
    assert_eq!(mounted("  automountServiceAccountToken: true\n"), json!(true));
}

#[test]
fn restricted_defaults_what_is_missing_with_a_warning_and_touches_nothing_set() {
    let tenant = Tenant { policy: Policy::Restricted, ..Tenant::local() };
    let rendering = rendered_by(
        &tenant,
        &pod(
            "  initContainers: [{name: i, image: i, securityContext: {runAsNonRoot: true, capabilities: {drop: [ALL]}}}]\n",
        ),
    );
    let spec = &objects(&rendering)[0]["spec"];
    assert_eq!(spec["securityContext"], json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}));
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(spec["containers"][0]["securityContext"], context);
    assert_eq!(spec["initContainers"][0]["securityContext"]["runAsNonRoot"], json!(true));
    assert_eq!(warnings(&rendering).len(), 5, "{:#?}", rendering.problems);
    assert!(warnings(&rendering).iter().all(|w| w.line > 0 && w.message.contains("policy restricted")));
    let missing = render(&[file("t.yaml", &pod(""))], &tenant, task(), false);
    assert_eq!(errors_of(&missing).len(), 4, "{:#?}", missing.problems);
}

#[test]
fn without_defaults_only_labels_and_namespace_are_added() {
    let found =
        render(&[file("t.yaml", &deployment("worker", "", "", ""))], &Tenant::local(), task(), false).rendered.unwrap();
    assert!(found.added.is_empty() && found.objects.len() == 1);
    assert_eq!(
        found.objects[0].manifest["spec"]["template"]["spec"],
        json!({"containers": [{"name": "c", "image": "i"}]})
    );
}

#[test]
fn what_the_cluster_writes_is_dropped_with_a_warning_and_null_is_absent() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  uid: x\n  resourceVersion: '1'\n  creationTimestamp: null\n  \
        managedFields: [{manager: x, fieldsV1: {}}]\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}\n  labels: {a: }\nimmutable: null\ndata: {k: }\n";
    let rendering = rendering(text);
    assert_eq!(
        warnings(&rendering).iter().map(|w| w.line).collect::<Vec<_>>(),
        [5, 6, 8, 9],
        "{:#?}",
        rendering.problems
    );
    let object = objects(&rendering).remove(0);
    assert_eq!(object["metadata"]["annotations"], json!({}));
    assert_eq!((&object["data"], object.get("immutable")), (&json!({"k": ""}), None));
    assert_eq!(
        object["metadata"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["annotations", "labels", "name", "namespace"]
    );
}

#[test]
fn a_tenants_service_account_is_what_writes() {
    let tenant = Tenant { service_account: Some("deployer".into()), every_namespace: false, ..Tenant::local() };
    let rendered = rendered_by(&tenant, &pod("")).rendered.unwrap();
    assert_eq!(rendered.run_as.as_deref(), Some("system:serviceaccount:default:deployer"));
    assert!(!rendered.make_namespaces);
}

#[test]
fn secrets_values_are_redacted_everywhere() {
    let secret = json!({"kind": "Secret", "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
        "data": {"a": "hunter2"}, "stringData": {"b": "hunter2"}});
    let list = json!({"kind": "List", "items": [secret.clone(), {"kind": "ConfigMap", "data": {"a": "b"}}]});
    assert_eq!(redact(&secret)["data"], json!({"a": REDACTED}));
    assert!(!redact(&list).to_string().contains("hunter2"));
    assert_eq!(redact(&list)["items"][1], list["items"][1]);
    assert!(!redact(&json!({"kind": "Secret", "data": "hunter2"})).to_string().contains("hunter2"));
    let source =
        file("s.yaml", "# hunter2\nkind: Secret\nstringData: {a: hunter2}\n---\nkind: ConfigMap\ndata: {a: b}\n");
    let shown = redact_source(&source);
    assert!(!shown.contains("hunter2") && shown.contains("kind: ConfigMap"), "{shown}");
    assert!(!redact_source(&file("s.yaml", "kind: Secret\ndata: {a: 'hunter2}")).contains("hunter2"));
    assert_eq!(redact_source(&file("c.yaml", "# kept\na: b")), "# kept\na: b");
}
