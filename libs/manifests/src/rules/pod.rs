//! Pod specs.

use std::{collections::HashSet, net::IpAddr};

use super::{
    container::{self, Role},
    metadata, resources, syntax_of, unique, volume,
};
use crate::{field::Field, names, report::Report};

/// A pod's spec. `claims` are names of volumes that a StatefulSet adds.
pub fn check(spec: &Field<'_>, claims: &[&str], report: &mut Report) {
    volume::volumes(spec, report);
    let volumes = spec.list("volumes");
    let names = volumes.iter().filter_map(|v| v.text_of("name")).chain(claims.iter().copied()).collect::<HashSet<_>>();
    let (main, init) = (spec.list("containers"), spec.list("initContainers"));
    if main.is_empty() && spec.get("containers").is_some() {
        report.error(&spec.get_or_absent("containers"), "missing_field", "a pod needs at least one container");
    }
    main.iter().for_each(|c| container::check(c, Role::Main, &names, report));
    init.iter().for_each(|c| container::check(c, Role::Init, &names, report));
    unique(&init.into_iter().chain(main).collect::<Vec<_>>(), "name", report);
    if let Some(field) = spec.get("ephemeralContainers").filter(|f| !f.node.items().is_empty()) {
        report.error(
            &field,
            "ephemeral_containers",
            "ephemeral containers are added to running pods only; remove them",
        );
    }
    rest(spec, report);
    tolerations(spec, report);
    affinity(spec, report);
}

fn rest(spec: &Field<'_>, report: &mut Report) {
    metadata::labels(spec, "nodeSelector", report);
    syntax_of(spec, "serviceAccountName", names::subdomain, report);
    syntax_of(spec, "hostname", names::label, report);
    syntax_of(spec, "subdomain", names::label, report);
    resources::check(spec, report);
    for alias in spec.list("hostAliases") {
        if let Some(ip) = alias.get("ip").filter(|f| f.text().is_none_or(|t| t.parse::<IpAddr>().is_err())) {
            report.error(&ip, "ip", "not an IP address");
        }
        for name in alias.list("hostnames") {
            super::syntax_at(&name, name.text().unwrap_or_default(), names::subdomain, report);
        }
    }
    let user = spec.get("hostUsers").filter(|f| f.bool() == Some(false));
    if let Some(field) =
        user.filter(|_| ["hostNetwork", "hostPID", "hostIPC"].iter().any(|k| spec.bool_of(k) == Some(true)))
    {
        report.error(&field, "one_only", "hostUsers: false excludes hostNetwork, hostPID and hostIPC");
    }
    dns(spec, report);
    for gate in spec.list("readinessGates") {
        syntax_of(&gate, "conditionType", names::qualified, report);
    }
    let sysctls = spec.get("securityContext").map(|c| c.list("sysctls")).unwrap_or_default();
    unique(&sysctls, "name", report);
    sysctls.iter().for_each(|s| syntax_of(s, "name", names::sysctl, report));
    if spec.text_of("dnsPolicy") == Some("None") && spec.walk(&["dnsConfig", "nameservers"]).is_none() {
        report.error(&spec.get_or_absent("dnsConfig"), "missing_field", "dnsPolicy None needs dnsConfig.nameservers");
    }
    for constraint in spec.list("topologySpreadConstraints") {
        syntax_of(&constraint, "topologyKey", names::qualified, report);
        if let Some(selector) = constraint.get("labelSelector") {
            super::selector::check(&selector, report);
        }
    }
}

fn dns(spec: &Field<'_>, report: &mut Report) {
    let Some(config) = spec.get("dnsConfig") else { return };
    for server in config.list("nameservers").iter().filter(|s| s.text().is_none_or(|t| t.parse::<IpAddr>().is_err())) {
        report.error(server, "ip", "not an IP address");
    }
    for option in config.list("options").iter().filter(|o| o.text_of("name").unwrap_or_default().is_empty()) {
        report.error(&option.get_or_absent("name"), "missing_field", "an option of dnsConfig needs a name");
    }
    for domain in config.list("searches") {
        super::syntax_at(&domain, domain.text().unwrap_or_default(), names::search_domain, report);
    }
}

fn tolerations(spec: &Field<'_>, report: &mut Report) {
    for toleration in spec.list("tolerations") {
        let key = toleration.text_of("key").unwrap_or_default();
        let exists = toleration.text_of("operator") == Some("Exists");
        if !key.is_empty() {
            syntax_of(&toleration, "key", names::qualified, report);
            syntax_of(&toleration, "value", names::label_value, report);
        } else if !exists {
            let message = "a toleration without key needs operator: Exists";
            report.error(&toleration.get_or_absent("operator"), "toleration", message);
        }
        if let Some(value) = toleration.get("value").filter(|v| exists && v.text() != Some("")) {
            report.error(&value, "one_only", "operator Exists takes no value; remove it");
        }
        let seconds = toleration.get("tolerationSeconds");
        if let Some(field) = seconds.filter(|_| toleration.text_of("effect") != Some("NoExecute")) {
            report.error(&field, "toleration", "tolerationSeconds needs effect: NoExecute");
        }
    }
}

/// What a node's labels must be.
fn node_terms(spec: &Field<'_>, report: &mut Report) {
    let Some(affinity) = spec.walk(&["affinity", "nodeAffinity"]) else { return };
    let required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution").map(|r| r.list("nodeSelectorTerms"));
    let preferred = affinity.list("preferredDuringSchedulingIgnoredDuringExecution");
    if required.as_ref().is_some_and(Vec::is_empty) {
        report.error(&affinity, "missing_field", "a required node affinity needs nodeSelectorTerms");
    }
    let terms = required.unwrap_or_default().into_iter().chain(preferred.iter().filter_map(|p| p.get("preference")));
    for expression in terms.flat_map(|t| t.list("matchExpressions")) {
        syntax_of(&expression, "key", names::qualified, report);
        let values = expression.list("values").len();
        let expected = match expression.text_of("operator") {
            Some("In" | "NotIn") if values == 0 => "In and NotIn need values",
            Some("Exists" | "DoesNotExist") if values > 0 => "Exists and DoesNotExist take no values",
            Some("Gt" | "Lt") if values != 1 => "Gt and Lt need one value",
            _ => continue,
        };
        report.error(&expression.get_or_absent("values"), "missing_field", expected);
    }
}

fn affinity(spec: &Field<'_>, report: &mut Report) {
    node_terms(spec, report);
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = spec.walk(&["affinity", kind]) else { continue };
        let required = affinity.list("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = affinity.list("preferredDuringSchedulingIgnoredDuringExecution");
        for term in required.into_iter().chain(preferred.iter().filter_map(|p| p.get("podAffinityTerm"))) {
            syntax_of(&term, "topologyKey", names::qualified, report);
            for name in term.list("namespaces") {
                super::syntax_at(&name, name.text().unwrap_or_default(), names::label, report);
            }
            if let Some(selector) = term.get("labelSelector") {
                super::selector::check(&selector, report);
            }
        }
    }
}
