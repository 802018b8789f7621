use domain::access::{Capability, Policy};

use super::*;

fn tenant(policy: Policy) -> Tenant {
    Tenant {
        policy,
        allow: Default::default(),
        every_namespace: false,
        namespaces: vec!["mine".into(), "other".into()],
        domains: vec!["shop.example".into()],
        ..Tenant::local()
    }
}

/// What each level refuses of a pod: its spec's fields, `-` for none.
const STANDARDS: &[(&str, &str, &str)] = &[
    ("hostNetwork: true", "hostNetwork", "hostNetwork"),
    ("hostPID: true", "hostPID", "hostPID"),
    ("hostIPC: true", "hostIPC", "hostIPC"),
    ("hostPID: false", "-", "-"),
    ("securityContext: {windowsOptions: {hostProcess: true}}", "hostProcess", "hostProcess"),
    ("volumes: [{name: v, hostPath: {path: /}}]", "hostPath", "hostPath"),
    ("volumes: [{name: v, nfs: {server: s, path: /}}]", "-", "nfs"),
    ("volumes: [{name: v, emptyDir: {}}, {name: w, projected: {sources: []}}]", "-", "-"),
    ("securityContext: {seLinuxOptions: {type: spc_t}}", "type", "type"),
    ("securityContext: {seLinuxOptions: {type: container_t}}", "-", "-"),
    ("securityContext: {seLinuxOptions: {user: u, role: r}}", "user,role", "user,role"),
    ("securityContext: {seccompProfile: {type: Unconfined}}", "type", "type"),
    ("securityContext: {appArmorProfile: {type: Unconfined}}", "type", "type"),
    ("securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}", "name", "name"),
    ("securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: '1'}]}", "-", "-"),
    ("securityContext: {runAsUser: 0}", "-", "runAsUser"),
    ("securityContext: {runAsNonRoot: false}", "-", "runAsNonRoot"),
    ("hostUsers: false\n  securityContext: {runAsUser: 0}", "-", "-"),
];

/// The same of a container.
const OF_CONTAINERS: &[(&str, &str, &str)] = &[
    ("securityContext: {privileged: true}", "privileged", "privileged"),
    ("securityContext: {capabilities: {add: [NET_ADMIN]}}", "add[0]", "add[0],add[0]"),
    ("securityContext: {capabilities: {add: [CHOWN]}}", "-", "add[0]"),
    ("securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}", "-", "-"),
    ("securityContext: {capabilities: {drop: [CHOWN]}}", "-", "drop"),
    ("securityContext: {allowPrivilegeEscalation: true}", "-", "allowPrivilegeEscalation"),
    ("securityContext: {procMount: Unmasked}", "procMount", "procMount,procMount"),
    ("securityContext: {runAsUser: 0}", "-", "runAsUser"),
    ("securityContext: {windowsOptions: {hostProcess: true}}", "hostProcess", "hostProcess"),
    ("securityContext: {seccompProfile: {type: Unconfined}}", "type", "type"),
    ("ports: [{containerPort: 1, hostPort: 1}]", "hostPort", "hostPort"),
    ("livenessProbe: {httpGet: {port: 1, host: h}}", "host", "host"),
    ("lifecycle: {preStop: {tcpSocket: {port: 1, host: h}}}", "host", "host"),
];

fn refused(policy: Policy, text: &str) -> String {
    let problems = rendered_by(&tenant(policy), text).problems;
    assert!(problems.iter().filter(|p| p.is_error()).all(|p| p.code == "pod_security"), "{text} {problems:#?}");
    let fields = problems.iter().filter(|p| p.is_error()).map(|p| p.field.rsplit('.').next().unwrap().to_owned());
    let joined = fields.collect::<Vec<_>>().join(",");
    if joined.is_empty() { "-".into() } else { joined }
}

fn dedupe(text: &str) -> String {
    let mut parts = text.split(',').collect::<Vec<_>>();
    parts.dedup();
    parts.join(",")
}

#[test]
fn the_levels_of_the_standards_refuse_what_they_name() {
    for (spec, baseline, restricted) in STANDARDS {
        let text = pod(&format!("  {spec}\n"));
        assert_eq!(refused(Policy::Privileged, &text), "-", "{spec}");
        assert_eq!(refused(Policy::Baseline, &text), *baseline, "{spec}");
        assert_eq!(refused(Policy::Restricted, &text), *restricted, "{spec}");
    }
}

#[test]
fn init_main_and_template_containers_are_all_checked() {
    for (container, baseline, restricted) in OF_CONTAINERS {
        let init = pod(&format!("  initContainers: [{{name: i, image: i, restartPolicy: Always, {container}}}]\n"));
        let cron = format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c}}\nspec: {{schedule: '@daily', jobTemplate: {{spec: {{template: \
             {{spec: {{restartPolicy: Never, containers: [{{name: c, image: i, {container}}}]}}}}}}}}}}\n"
        );
        for text in [init, deployment("d", "", "", container), cron] {
            assert_eq!(refused(Policy::Baseline, &text), *baseline, "{text}");
            assert_eq!(dedupe(&refused(Policy::Restricted, &text)), dedupe(restricted), "{text}");
        }
    }
}

#[test]
fn what_is_denied_is_allowed_to_a_tenant_that_lists_it() {
    let service = |spec: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: [{{port: 1}}], {spec}}}\n")
    };
    let ingress = |host: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i}}\nspec: {{rules: [{{{host} http: {{paths: \
            [{{path: /, pathType: Prefix, backend: {{service: {{name: s, port: {{number: 1}}}}}}}}]}}}}]}}\n"
        )
    };
    let snippet = ingress("host: shop.example,")
        .replace("name: i}", "name: i, annotations: {nginx.ingress.kubernetes.io/server-snippet: x}}");
    for (text, capability) in [
        (service("type: NodePort"), Capability::NodePort),
        (service("type: LoadBalancer"), Capability::LoadBalancer),
        (service("type: ExternalName, externalName: a.b"), Capability::ExternalName),
        (service("externalIPs: [1.2.3.4]"), Capability::ExternalIps),
        (ingress("host: evil.example,"), Capability::AnyIngressHost),
        (ingress("host: notshop.example,"), Capability::AnyIngressHost),
        (ingress(""), Capability::AnyIngressHost),
        (snippet, Capability::IngressSnippets),
        (pod("  nodeName: node1"), Capability::NodeName),
        (pod("  priorityClassName: system-node-critical"), Capability::PriorityClassName),
        (pod("  schedulerName: mine"), Capability::SchedulerName),
        (
            pod("  tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]"),
            Capability::ControlPlaneTolerations,
        ),
        (pod("  tolerations: [{operator: Exists}]"), Capability::ControlPlaneTolerations),
    ] {
        let mut tenant = tenant(Policy::Baseline);
        let refused = rendered_by(&tenant, &text);
        assert!(
            errors_of(&refused).len() == 1 && errors_of(&refused)[0].ends_with("denied"),
            "{text} {:#?}",
            refused.problems
        );
        tenant.allow.insert(capability);
        assert!(rendered_by(&tenant, &text).rendered.is_some(), "{text}");
    }
    for text in
        [ingress("host: a.shop.example,"), pod("  schedulerName: default-scheduler"), service("type: ClusterIP")]
    {
        assert!(rendered_by(&tenant(Policy::Baseline), &text).rendered.is_some(), "{text}");
    }
}

#[test]
fn roles_grant_and_bindings_name_only_what_is_the_tenants() {
    let role = |rule: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r}}\nrules: [{{apiGroups: [''], resources: [pods], {rule}}}]\n"
        )
    };
    let binding = |kind: &str, subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: r}}\n\
        roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: x}}\nsubjects: [{{{subject}}}]\n"
        )
    };
    let account = "kind: ServiceAccount, name: a, namespace";
    for (text, expected) in [
        (role("verbs: [get, list]"), ""),
        (role("verbs: ['*']"), "4 rules[0].verbs[0] refused_verb"),
        (
            role("verbs: [get, escalate, bind, impersonate]"),
            "4 rules[0].verbs[1] refused_verb|4 rules[0].verbs[2] refused_verb|4 rules[0].verbs[3] refused_verb",
        ),
        (binding("Role", &format!("{account}: mine")), ""),
        (binding("Role", "kind: ServiceAccount, name: a"), ""),
        (binding("ClusterRole", &format!("{account}: mine")), "4 roleRef.kind refused_role"),
        (binding("Role", &format!("{account}: kube-system")), "5 subjects[0].namespace foreign_subject"),
        (
            binding("Role", "kind: Group, name: 'system:authenticated', apiGroup: rbac.authorization.k8s.io"),
            "5 subjects[0].kind foreign_subject",
        ),
    ] {
        assert_eq!(errors_of(&rendered_by(&tenant(Policy::Baseline), &text)).join("|"), expected, "{text}");
    }
}

#[test]
fn only_the_tenants_namespaces_are_written_to() {
    let at =
        |namespace: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {namespace}}}\n");
    assert_eq!(
        errors_of(&rendered_by(&tenant(Policy::Baseline), &at("theirs"))),
        ["3 metadata.namespace foreign_namespace"]
    );
    assert!(rendered_by(&tenant(Policy::Baseline), &at("other")).rendered.is_some());
    assert_eq!(errors(&at("kube-system")), ["3 metadata.namespace foreign_namespace"]);
    assert!(rendering(&at("anything")).rendered.is_some());
}

#[test]
fn the_name_of_a_tasks_parent_is_reserved() {
    let named = |kind: &str, name: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n");
    let parent = "marea-01a2020c-26b9-723a-a9a1-9c7ef743ee9f";
    assert_eq!(errors(&named("ConfigMap", parent)), ["3 metadata.name reserved_name"]);
    for (kind, name) in [("Secret", parent), ("ConfigMap", "marea-settings"), ("ConfigMap", &parent[6..])] {
        assert_eq!(errors(&named(kind, name)), [""; 0], "{kind} {name}");
    }
}

#[test]
fn keys_under_marea_dev_are_the_documented_ones() {
    let annotated = |key: &str, value: &str| deployment("d", &format!("annotations: {{{key}: {value}}}"), "", "");
    for (text, expected) in [
        (annotated("marea.dev/on-delete", "keep"), ""),
        (annotated("marea.dev/cpu-percent", "'80'"), ""),
        (annotated("marea.dev/cpu-percent", "'0'"), "annotation_value"),
        (annotated("marea.dev/autoscale", "'no'"), "annotation_value"),
        (annotated("marea.dev/autoscale", "false"), "annotation_value"),
        (annotated("marea.dev/depends-on", "x"), "reserved_annotation"),
        (annotated("marea.dev/needs", "redis"), "reserved_annotation"),
        (annotated("marea.dev/autoscal", "'true'"), "reserved_annotation"),
        (annotated("applyset.kubernetes.io/part-of", "x"), "refused_field"),
        (deployment("d", "labels: {marea.dev/task: x}", "", ""), "reserved_annotation"),
        (deployment("d", "labels: {marea.dev/role: worker}", "", ""), ""),
        (
            deployment("d", "", "", "")
                .replace("template: {metadata: {", "template: {metadata: {annotations: {marea.dev/x: y}, "),
            "reserved_annotation",
        ),
    ] {
        let found = errors(&text).join("|");
        assert!(found.ends_with(expected) && found.is_empty() == expected.is_empty(), "{text} {found}");
    }
}
