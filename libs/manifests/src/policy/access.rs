//! RBAC: what a task's Roles may grant and whom its RoleBindings may name.

use domain::Tenant;

use crate::{field::Field, names, object::Object, report::Report};

/// Verbs with which a subject could raise its own rights.
const RAISING: [&str; 4] = ["escalate", "bind", "impersonate", "*"];

pub fn check(object: &Object, tenant: &Tenant, report: &mut Report) {
    let root = object.root();
    match object.kind.kind {
        "Role" => root.list("rules").iter().for_each(|rule| self::rule(rule, report)),
        "RoleBinding" => binding(&root, tenant, report),
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

fn binding(root: &Field<'_>, tenant: &Tenant, report: &mut Report) {
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
        if let Some(expected) = role.text_of("name").and_then(names::path_segment) {
            report.error(&role.get_or_absent("name"), "invalid_name", format!("not the name of a Role: {expected}"));
        }
    }
    root.list("subjects").iter().for_each(|s| subject(s, tenant, report));
}

fn subject(subject: &Field<'_>, tenant: &Tenant, report: &mut Report) {
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
    if let Some(expected) = subject.text_of("name").and_then(names::subdomain) {
        let name = subject.get_or_absent("name");
        report.error(&name, "invalid_name", format!("not the name of a ServiceAccount: {expected}"));
    }
    // Without a namespace the API server takes the RoleBinding's own.
    let namespace = subject.text_of("namespace").filter(|n| !n.is_empty());
    if let Some(foreign) = namespace.filter(|n| !tenant.owns(n)) {
        let message = format!("the namespace {} is not yours; {}", report.show(foreign), super::namespaces(tenant));
        report.error(&subject.get_or_absent("namespace"), "foreign_subject", message);
    }
}
