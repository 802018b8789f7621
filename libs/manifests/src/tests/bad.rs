use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::check_syntax;

const CM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn each_bad_input_has_its_answer() {
    for (content, expected) in [
        ("", "1  empty"),
        ("# nothing\n---\n", "1  empty"),
        ("just text", "1  not_an_object"),
        ("- a\n- b", "1  not_an_object"),
        ("a: 1", "1 kind missing_field|1 apiVersion missing_field"),
        ("kind: Foo\napiVersion: v1\nmetadata: {name: a}", "1 kind kind_not_allowed"),
        ("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}", "2 kind kind_not_allowed"),
        ("apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: a}", "1 apiVersion api_version"),
        ("apiVersion: v1\nkind: Deployment\nmetadata: {name: a}", "1 apiVersion api_version"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}", "3 metadata.name foreign_namespace"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}", "1  empty"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}", "3 metadata.generateName refused_field"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}", "3 metadata.name missing_field"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A}", "3 metadata.name invalid_name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nData: {}", "4 Data unknown_field"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644, on: x, b: yes}",
            "4 data.mode wrong_type|4 data.b wrong_type",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, ownerReferences: [{}], finalizers: [x/y]}",
            "3 metadata.ownerReferences refused_field|3 metadata.finalizers refused_field",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/service-account-token",
            "4 type refused_field",
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- apiVersion: apps/v1\n  kind: DaemonSet\n  metadata: {name: d}",
            "8 kind kind_not_allowed",
        ),
        ("{{- if .Values.x }}\na: 1", "1  yaml_key|2  yaml_syntax"),
    ] {
        let found = rendering(content);
        let every = errors_of(&found).join("|");
        let right = expected.split('|').filter(|e| !every.contains(e)).collect::<Vec<_>>();
        assert!(content.starts_with("{{") || right.is_empty(), "{content}\nexpected {expected}\nfound {every}");
        assert!(found.rendered.is_none() && !every.is_empty(), "{content}");
    }
}

#[test]
fn all_problems_are_said_not_the_first_only() {
    let text = pod("  hostNetwork: true\n  restartPolicy: Sometimes\n  imagePullSecret: x\n  nodeName: node1\n");
    assert_eq!(
        errors(&text),
        [
            "7 spec.restartPolicy unknown_value",
            "8 spec.imagePullSecret unknown_field",
            "9 spec.nodeName denied",
            "6 spec.hostNetwork pod_security",
        ]
    );
    let near = rendering(&text).problems.into_iter().find(|p| p.field == "spec.imagePullSecret").unwrap();
    assert!(near.message.contains("did you mean `imagePullSecrets`"), "{near}");
    assert_eq!((near.file.as_str(), near.column, near.object.as_str()), ("t.yaml", 3, "Pod/p"));
}

#[test]
fn a_field_on_the_wrong_level_is_told_where_it_belongs() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 1\n  containers: []\n";
    let problems = rendering(text).problems;
    assert_eq!(problems.iter().filter(|p| p.code == "missing_field").count(), 2, "{problems:#?}");
    let misplaced =
        rendering("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\ncontainers: [{name: c, image: i}]").problems;
    assert!(misplaced[0].message.contains("it belongs in `spec.containers`"), "{misplaced:#?}");
}

#[test]
fn files_are_checked_before_they_are_read() {
    let many = (0..201).map(|i| file(&format!("{i}.yaml"), CM)).collect::<Vec<_>>();
    let large = "a".repeat(50 << 20);
    for (files, code) in [
        (vec![], "empty"),
        (many, "too_many_files"),
        (vec![file("a.yaml", &large)], "too_large"),
        (vec![file("a.yaml", &large[..4 << 20])], "file_too_large"),
        (vec![file("../a.yaml", CM)], "file_name"),
        (vec![file("a/../../b.yaml", CM)], "file_name"),
        (vec![file("/etc/a.yaml", CM)], "file_name"),
        (vec![file("a\\b.yaml", CM)], "file_name"),
        (vec![file("", CM)], "file_name"),
        (vec![file(&"a".repeat(256), CM)], "file_name"),
        (vec![file("a.yaml", CM), file("a.yaml", CM)], "duplicate_file"),
        (vec![file("x/kustomization.yaml", CM)], "not_a_manifest"),
        (vec![file("Chart.yaml", CM)], "not_a_manifest"),
        (vec![file("a.yaml", "a: \0")], "not_text"),
    ] {
        let began = Instant::now();
        let problems = check_syntax(&files);
        assert_eq!(problems.iter().map(|p| p.code.as_str()).collect::<Vec<_>>(), [code]);
        assert!(render(&files, &Tenant::local(), task(), true).rendered.is_none());
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert!(check_syntax(&[file("ok/a.yaml", CM), file("-", CM)]).is_empty());
}

#[test]
fn a_bad_file_name_is_told_by_what_is_wrong_with_it() {
    for (name, shown, why) in [
        ("", "", "has no name"),
        (".", ".", "`.` or `..`"),
        ("..", "..", "`.` or `..`"),
        ("a//b.yaml", "a//b.yaml", "an empty part"),
        ("/etc/a.yaml", "/etc/a.yaml", "begins with `/`"),
        ("a\\b.yaml", "a\\b.yaml", "a backslash"),
        ("a\nb.yaml", "a\\u{a}b.yaml", "`a\\u{a}b.yaml` holds U+000A"),
        ("a\u{202e}lmay.exe", "a\\u{202e}lmay.exe", "`a\\u{202e}lmay.exe` holds U+202E"),
        ("a\u{2066}.yaml", "a\\u{2066}.yaml", "U+2066"),
        ("\u{feff}a.yaml", "\\u{feff}a.yaml", "U+FEFF"),
        ("a\u{200b}.yaml", "a\\u{200b}.yaml", "U+200B"),
    ] {
        let problems = check_syntax(&[file(name, CM)]);
        assert_eq!((problems.len(), problems[0].code.as_str(), problems[0].file.as_str()), (1, "file_name", shown));
        assert!(problems[0].message.contains(why), "{}", problems[0].message);
    }
    let long = check_syntax(&[file(&"a".repeat(300), CM)]);
    assert!(long[0].message.contains("300 bytes, at most 255"), "{}", long[0].message);
    assert!(check_syntax(&[file("día/文件 (1).yaml", CM)]).is_empty());
}

#[test]
fn a_number_that_is_too_large_is_told_so() {
    for (number, told) in [
        ("9999999999", "does not fit 32 bits"),
        ("99999999999999999999999", "does not fit 32 bits"),
        ("-18446744073709551615", "does not fit 32 bits"),
        ("0x1ffffffffffffffffffff", "does not fit 32 bits"),
        ("1e400", "does not fit 32 bits"),
        ("1.5", "a fraction or exponent"),
        ("'3'", "write it without quotes"),
    ] {
        let text = format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\n\
             spec: {{maxReplicas: {number}, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}}}\n"
        );
        let problems = rendering(&text).problems;
        let problem = problems.iter().find(|p| p.field == "spec.maxReplicas").expect("a problem there");
        assert!(problem.message.contains(told), "{number}: {}", problem.message);
    }
}

#[test]
fn bounds_hold_for_all_files_together() {
    let documents = format!("{CM}---\n").repeat(60);
    let files = (0..20).map(|i| file(&format!("{i}.yaml"), &documents)).collect::<Vec<_>>();
    assert_eq!(check_syntax(&files).iter().map(|p| p.code.as_str()).collect::<Vec<_>>(), ["too_many_documents"]);
    let objects = (0..501)
        .map(|i| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{i}}}\n---\n"))
        .collect::<String>();
    assert_eq!(errors(&objects), ["0  too_many_objects"]);
}

#[test]
fn the_same_object_stands_once() {
    let both = format!("{CM}---\n{CM}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: other}}\n");
    assert_eq!(errors(&both), ["5 metadata.name duplicate_object"]);
}

#[test]
fn lists_are_flattened_and_their_items_keep_their_lines() {
    let list = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n";
    let rendered = rendering(list).rendered.unwrap();
    let found = rendered.objects.iter().map(|o| (o.line, o.manifest["kind"].as_str().unwrap())).collect::<Vec<_>>();
    assert_eq!(found, [(4, "ConfigMap"), (5, "ConfigMap")]);
}

#[test]
fn many_problems_are_counted_beyond_the_listed_ones() {
    let bad = (0..3_000).map(|i| format!("k{i}: 1\n")).collect::<String>();
    let problems = rendering(&format!("{CM}{bad}")).problems;
    assert_eq!((problems.len(), problems[1_000].code.as_str()), (1_001, "more_problems"));
}

#[test]
fn a_secrets_value_stands_in_no_problem() {
    let kinds = [
        "data: {k: hunter2!}",
        "data: hunter2",
        "data: [hunter2]",
        "stringData: {k: [hunter2]}",
        "data: {k: {hunter2: 1}}",
        "type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: aHVudGVyMg==}",
        "stringData: {k: !hunter2 x}",
        "stringData: {k: *hunter2}",
        "stringData: {k: 'hunter2}",
        "immutable: hunter2",
        "type: [hunter2]",
        "metadata: {name: hunter2 !}",
        "data:\n  k: hunter2: x",
    ];
    for data in kinds {
        let head = if data.starts_with("metadata") { "" } else { "metadata: {name: s}\n" };
        let text = format!("apiVersion: v1\nkind: Secret\n{head}{data}\n");
        let problems = rendering(&text).problems;
        assert!(!problems.is_empty(), "{text}");
        let shown = problems.iter().map(|p| p.message.clone()).collect::<String>();
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_manifest_with_anything_in_it_is_answered(
        at in 0..400_usize, text in "[ \n:{}\\[\\]a-z0-9'\"&*!|>#,-]{0,20}", cut in 0..60_usize,
    ) {
        let whole = format!("{}---\n{}", deployment("w-worker", "labels: {a: b}", "replicas: 2,", "ports: [{containerPort: 80}]"),
            pod("  securityContext: {runAsUser: 1}\n  volumes: [{name: v, emptyDir: {}}]\n"));
        let at = at.min(whole.len());
        let end = (at + cut).min(whole.len());
        let broken = format!("{}{text}{}", &whole[..at], &whole[end..]);
        let found = rendering(&broken);
        prop_assert_eq!(found.rendered.is_none(), found.problems.iter().any(Problem::is_error));
    }
}
