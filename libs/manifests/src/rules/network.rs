//! Service, Ingress, NetworkPolicy.

use std::net::IpAddr;

use super::{metadata, port, selector, syntax_at, syntax_of, unique};
use crate::{field::Field, names, report::Report};

pub fn service(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else {
        return report.error(&root.absent("spec"), "missing_field", "a Service needs `spec`");
    };
    metadata::labels(&spec, "selector", report);
    let kind = spec.text_of("type").filter(|t| !t.is_empty()).unwrap_or("ClusterIP");
    let headless = spec.text_of("clusterIP") == Some("None");
    let ports = spec.list("ports");
    if ports.is_empty() && !headless && kind != "ExternalName" {
        report.error(&spec.get_or_absent("ports"), "missing_field", "a Service needs at least one port");
    }
    service_ports(&ports, kind, report);
    addresses(&spec, kind, headless, report);
}

fn service_ports(ports: &[Field<'_>], kind: &str, report: &mut Report) {
    unique(ports, "name", report);
    for one in ports {
        if ports.len() > 1 && one.text_of("name").unwrap_or_default().is_empty() {
            report.error(&one.get_or_absent("name"), "missing_field", "each of several ports needs a name");
        }
        if one.text_of("name") != Some("") {
            syntax_of(one, "name", names::label, report);
        }
        if one.text_of("targetPort") != Some("") {
            port(one, "targetPort", report);
        }
        syntax_of(one, "appProtocol", names::qualified, report);
        let node = one.get("nodePort").filter(|p| p.int() != Some(0) && matches!(kind, "ClusterIP" | "ExternalName"));
        if let Some(field) = node {
            report.error(
                &field,
                "one_only",
                format!("a Service of type {kind} has no nodePort; remove it, or set type: NodePort"),
            );
        }
    }
}

fn addresses(spec: &Field<'_>, kind: &str, headless: bool, report: &mut Report) {
    let ip = |text: &str| text.parse::<IpAddr>().is_ok();
    if let Some(field) =
        spec.get("clusterIP").filter(|f| !matches!(f.text(), Some("" | "None")) && !f.text().is_some_and(ip))
    {
        report.error(&field, "ip", "expected an IP address or None");
    }
    syntax_of(spec, "loadBalancerClass", names::qualified, report);
    each_once(&spec.list("ipFamilies"), report);
    for field in spec.list("loadBalancerSourceRanges").iter().filter(|f| !f.text().is_some_and(|t| is_cidr(t.trim()))) {
        report.error(field, "cidr", "expected an IP range such as 10.0.0.0/8");
    }
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        report.error(&spec.get_or_absent("clusterIP"), "one_only", format!("clusterIP None excludes type {kind}"));
    }
    if kind == "ExternalName" {
        let name = spec.text_of("externalName").unwrap_or_default();
        syntax_at(&spec.get_or_absent("externalName"), name.trim_end_matches('.'), names::subdomain, report);
    }
    for field in spec.list("externalIPs").iter().filter(|f| !f.text().is_some_and(ip)) {
        report.error(field, "ip", "not an IP address");
    }
    let policy = spec
        .get("externalTrafficPolicy")
        .filter(|f| f.text() != Some("") && matches!(kind, "ClusterIP" | "ExternalName"));
    if let Some(field) = policy.filter(|_| spec.list("externalIPs").is_empty()) {
        report.error(&field, "one_only", format!("a Service of type {kind} has no externalTrafficPolicy; remove it"));
    }
    let sources = spec.get("loadBalancerSourceRanges").filter(|_| kind != "LoadBalancer");
    if let Some(field) = sources.filter(|f| !f.node.items().is_empty()) {
        report.error(&field, "one_only", "loadBalancerSourceRanges needs type: LoadBalancer");
    }
}

/// No text stands twice in a list that Kubernetes merges as a whole.
fn each_once(items: &[Field<'_>], report: &mut Report) {
    for (i, item) in items.iter().enumerate() {
        if items[..i].iter().any(|earlier| earlier.text() == item.text()) {
            report.error(item, "duplicate", "it stands twice in this list; keep one");
        }
    }
}

pub fn ingress(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else {
        return report.error(&root.absent("spec"), "missing_field", "an Ingress needs `spec`");
    };
    let rules = spec.list("rules");
    if rules.is_empty() && spec.get("defaultBackend").is_none() {
        report.error(&spec, "missing_field", "one of these is required here: rules, defaultBackend");
    }
    if spec.text_of("ingressClassName") != Some("") {
        syntax_of(&spec, "ingressClassName", names::subdomain, report);
    }
    for tls in spec.list("tls") {
        if tls.text_of("secretName") != Some("") {
            syntax_of(&tls, "secretName", names::subdomain, report);
        }
        for name in tls.list("hosts") {
            let text = name.text().unwrap_or_default();
            syntax_at(&name, text.strip_prefix("*.").unwrap_or(text), names::subdomain, report);
        }
    }
    for rule in &rules {
        host(rule, report);
        for path in rule.get("http").map(|h| h.list("paths")).unwrap_or_default() {
            let exact = path.text_of("pathType") != Some("ImplementationSpecific");
            let text = path.text_of("path").unwrap_or_default();
            if (exact || !text.is_empty()) && !text.starts_with('/') {
                report.error(&path.get_or_absent("path"), "path", "expected a path that begins with `/`");
            }
            if let Some(service) = path.walk(&["backend", "service"]) {
                backend(&service, report);
            }
        }
    }
    if let Some(service) = spec.walk(&["defaultBackend", "service"]) {
        backend(&service, report);
    }
}

fn host(rule: &Field<'_>, report: &mut Report) {
    let Some(field) = rule.get("host").filter(|f| f.text() != Some("")) else { return };
    let text = field.text().unwrap_or_default();
    if text.parse::<IpAddr>().is_ok() {
        report.error(&field, "host", "expected a DNS name, not an IP address");
    }
    syntax_at(&field, text.strip_prefix("*.").unwrap_or(text), names::subdomain, report);
}

fn backend(service: &Field<'_>, report: &mut Report) {
    syntax_of(service, "name", names::label_1035, report);
    match service.get("port") {
        None => report.error(&service.absent("port"), "missing_field", "a backend needs port.number or port.name"),
        Some(port) => syntax_of(&port, "name", names::port_name, report),
    }
}

pub fn policy(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else { return };
    each_once(&spec.list("policyTypes"), report);
    if let Some(found) = spec.get("podSelector") {
        selector::check(&found, report);
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.list(direction) {
            rule.list(peers).iter().for_each(|p| peer(p, report));
            for one in rule.list("ports") {
                port(&one, "port", report);
                end_port(&one, report);
            }
        }
    }
}

fn end_port(one: &Field<'_>, report: &mut Report) {
    let Some(end) = one.get("endPort") else { return };
    match one.get("port").and_then(|p| p.int()) {
        None => report.error(&end, "missing_field", "endPort needs a port that is a number"),
        Some(first) if end.int().is_some_and(|e| e < first) => {
            report.error(&end, "out_of_range", "must be at least port");
        }
        Some(_) => {}
    }
}

fn peer(peer: &Field<'_>, report: &mut Report) {
    for key in ["podSelector", "namespaceSelector"] {
        if let Some(found) = peer.get(key) {
            selector::check(&found, report);
        }
    }
    let Some(block) = peer.get("ipBlock") else {
        if peer.node.entries().is_empty() {
            report.error(
                peer,
                "missing_field",
                "one of these is required here: podSelector, namespaceSelector, ipBlock",
            );
        }
        return;
    };
    if peer.node.entries().len() > 1 {
        report.error(&block, "one_only", "ipBlock excludes the other selectors; write it as an item of its own");
    }
    let ranges = block.get("cidr").into_iter().chain(block.list("except"));
    for field in ranges.filter(|f| !f.text().is_some_and(is_cidr)) {
        report.error(&field, "cidr", "expected an IP range such as 10.0.0.0/8");
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u32>().is_ok_and(|b| b <= most)
}
