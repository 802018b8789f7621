//! RBAC: what a task's Roles may grant and whom its RoleBindings may name.

use domain::Tenant;

use crate::{field::Field, object::Object, report::Report};

/// Verbs with which a subject could raise its own rights.
const RAISING: [&str; 4] = ["escalate", "bind", "impersonate", "*"];

pub fn check(object: &Object, tenant: &Tenant, report: &mut Report) {
    let root = object.root();
    match object.kind.kind {
        "Role" => root.list("rules").iter().for_each(|rule| self::rule(rule, report)),
        "RoleBinding" => binding(object, &root, tenant, report),
        _ => {}
    }
}

fn rule(rule: &Field<'_>, report: &mut Report) {
    let verbs = rule.list("verbs");
    for verb in verbs.iter().filter(|v| v.text().is_some_and(|t| RAISING.contains(&t))) {
        let text = verb.text().unwrap_or_default();
        let message = format!(
            "the verb `{text}` is refused: it could raise the task's own rights; list the verbs that are needed"
        );
        report.error(verb, "refused_verb", message);
    }
    if verbs.is_empty() && rule.get("verbs").is_some() {
        report.error(&rule.get_or_absent("verbs"), "missing_field", "a rule needs at least one verb");
    }
    if let Some(urls) = rule.get("nonResourceURLs").filter(|f| !f.node.is_empty()) {
        report.error(&urls, "one_only", "a Role grants no URLs; remove it");
    }
    for key in ["apiGroups", "resources"] {
        if rule.list(key).is_empty() {
            let hint = if key == "apiGroups" { " (\"\" is the core group)" } else { "" };
            report.error(
                &rule.get_or_absent(key),
                "missing_field",
                format!("a rule needs at least one of `{key}`{hint}"),
            );
        }
    }
}

fn binding(object: &Object, root: &Field<'_>, tenant: &Tenant, report: &mut Report) {
    if let Some(role) = root.get("roleRef") {
        let kind = role.get_or_absent("kind");
        match role.text_of("kind") {
            Some("ClusterRole") => {
                report.error(
                    &kind,
                    "refused_role",
                    "a RoleBinding to a ClusterRole is refused; write a Role with the rules that are needed",
                );
            }
            Some("Role") | None => {}
            Some(_) => report.error(&kind, "unknown_value", "expected Role"),
        }
        if role.text_of("apiGroup").is_some_and(|g| g != "rbac.authorization.k8s.io") {
            report.error(&role.get_or_absent("apiGroup"), "unknown_value", "expected rbac.authorization.k8s.io");
        }
        if role.text_of("name") == Some("") {
            report.error(&role.get_or_absent("name"), "missing_field", "`name` is empty; write the Role's name");
        }
    }
    let own = object.namespace(tenant);
    root.list("subjects").iter().for_each(|s| subject(s, own, tenant, report));
}

fn subject(subject: &Field<'_>, own: &str, tenant: &Tenant, report: &mut Report) {
    let kind = subject.get_or_absent("kind");
    if subject.text_of("kind") != Some("ServiceAccount") {
        if subject.get("kind").is_some() {
            report.error(&kind, "foreign_subject", "only ServiceAccounts of the tenant's namespaces may be bound");
        }
        return;
    }
    if subject.text_of("apiGroup").is_some_and(|g| !g.is_empty()) {
        report.error(
            &subject.get_or_absent("apiGroup"),
            "unknown_value",
            "a ServiceAccount's apiGroup is empty; remove it",
        );
    }
    let field = subject.get_or_absent("namespace");
    match subject.text_of("namespace").filter(|n| !n.is_empty()) {
        None => report.error(
            &field,
            "missing_field",
            format!("a ServiceAccount needs its namespace; write namespace: {own}"),
        ),
        Some(namespace) if !tenant.owns(namespace) => {
            let shown = report.show(namespace);
            report.error(
                &field,
                "foreign_subject",
                format!("the namespace {shown} is not yours; {}", super::namespaces(tenant)),
            );
        }
        Some(_) => {}
    }
}
