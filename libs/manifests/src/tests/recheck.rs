//! What was rendered, after an administrator changed the tenant.

use domain::access::{Capability, Policy};

use super::*;
use crate::check_rendered;

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: NodePort, ports: [{port: 80}]}\n";

fn tenant() -> Tenant {
    Tenant { every_namespace: false, namespaces: vec!["mine".into(), "other".into()], ..Tenant::local() }
}

/// `file:line object field code` of what a revision of `then` may no longer do as `now`.
fn found(text: &str, then: &Tenant, now: &Tenant) -> Vec<String> {
    let rendering = rendered_by(then, text);
    let rendered = rendering.rendered.unwrap_or_else(|| panic!("refused: {:#?}", rendering.problems));
    let problems = check_rendered(&rendered, now);
    assert!(problems.iter().all(Problem::is_error));
    problems.iter().map(|p| format!("{}:{} {} {} {}", p.file, p.line, p.object, p.field, p.code)).collect()
}

#[test]
fn what_the_tenant_may_still_do_is_clean() {
    let worker = deployment("worker", "labels: {marea.dev/role: worker}", "", "");
    let with_autoscaler = format!("{SERVICE}---\n{worker}---\n{}", pod(""));
    for policy in [Policy::Privileged, Policy::Baseline, Policy::Restricted] {
        let tenant = Tenant { policy, ..tenant() };
        assert_eq!(found(&with_autoscaler, &tenant, &tenant), Vec::<String>::new(), "{policy:?}");
    }
}

#[test]
fn a_namespace_that_was_taken_away_is_named_at_its_object() {
    let now = Tenant { namespaces: vec!["mine".into()], ..tenant() };
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\n---\n\
                apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: mine}\n";
    assert_eq!(found(text, &tenant(), &now), ["t.yaml:1 ConfigMap/a metadata.namespace foreign_namespace"]);
    // A namespace that the object never named is told too: the default one may be another by now.
    let moved = Tenant { namespaces: vec!["other".into()], ..tenant() };
    let implicit = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    assert_eq!(found(implicit, &tenant(), &moved), ["t.yaml:1 ConfigMap/a metadata.namespace foreign_namespace"]);
}

#[test]
fn a_right_that_was_withdrawn_is_named_at_its_field() {
    let now = Tenant { allow: [Capability::LoadBalancer].into(), ..tenant() };
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  rules:\n  - host: \
                   a.example\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}\n";
    let found = found(&format!("{SERVICE}---\n{ingress}"), &tenant(), &now);
    assert_eq!(found, ["t.yaml:1 Service/s spec.type denied", "t.yaml:6 Ingress/i spec.rules[0].host denied"]);
}

#[test]
fn a_stricter_policy_names_what_contradicts_it_and_what_is_missing() {
    let then = Tenant { policy: Policy::Privileged, ..tenant() };
    let baseline = Tenant { policy: Policy::Baseline, ..tenant() };
    let restricted = Tenant { policy: Policy::Restricted, ..tenant() };
    let host = pod("  hostNetwork: true\n");
    assert_eq!(found(&host, &then, &baseline), ["t.yaml:1 Pod/p spec.hostNetwork pod_security"]);
    let fields = found(&pod(""), &baseline, &restricted);
    assert!(fields.iter().any(|f| f.contains("runAsNonRoot pod_security")), "{fields:?}");
    // What was defaulted then is there.
    assert_eq!(found(&pod(""), &restricted, &restricted), Vec::<String>::new());
}

#[test]
fn an_autoscaler_of_ours_stays_within_the_cap() {
    let now = Tenant { max_replicas: 4, ..tenant() };
    let worker = deployment("worker", "", "", "");
    let expected = [":0 HorizontalPodAutoscaler/worker spec.maxReplicas annotation_value"];
    assert_eq!(found(&worker, &tenant(), &now), expected);
}

#[test]
fn another_service_account_is_told() {
    let now = Tenant { service_account: Some("deployer".into()), ..tenant() };
    assert_eq!(found(&pod(""), &tenant(), &now), [":0   other_service_account"]);
    assert_eq!(found(&pod(""), &now, &now), Vec::<String>::new());
}
