//! What is denied unless the tenant lists it.

use domain::{Tenant, access::Capability};

use crate::{field::Field, object::Object, report::Report};

struct Check<'c> {
    tenant: &'c Tenant,
    report: &'c mut Report,
}

pub fn check(object: &Object, tenant: &Tenant, report: &mut Report) {
    let root = object.root();
    let mut check = Check { tenant, report };
    match object.kind.kind {
        "Service" => check.service(&root),
        "Ingress" => check.ingress(&root),
        "Secret" => check.secret(&root),
        _ => {}
    }
    if let Some(pod) = object.pod_spec() {
        check.pod(&pod);
    }
}

impl Check<'_> {
    fn deny(&mut self, field: &Field<'_>, capability: Capability, what: &str) {
        if !self.tenant.allow.contains(&capability) {
            let word = serde_json::to_value(capability).unwrap_or_default();
            let word = word.as_str().unwrap_or_default();
            let message =
                format!("{what} is denied to this tenant; remove it, or ask the administrator to allow {word}");
            self.report.error(field, "denied", message);
        }
    }

    fn service(&mut self, root: &Field<'_>) {
        let Some(spec) = root.get("spec") else { return };
        let capability = match spec.text_of("type") {
            Some("NodePort") => Some(Capability::NodePort),
            Some("LoadBalancer") => Some(Capability::LoadBalancer),
            Some("ExternalName") => Some(Capability::ExternalName),
            _ => None,
        };
        if let (Some(capability), Some(field)) = (capability, spec.get("type")) {
            let what = format!("a Service of type {}", field.text().unwrap_or_default());
            self.deny(&field, capability, &what);
        }
        if let Some(field) = spec.get("externalIPs").filter(|f| !f.node.is_empty()) {
            self.deny(&field, Capability::ExternalIps, "externalIPs");
        }
    }

    fn ingress(&mut self, root: &Field<'_>) {
        for (key, field) in root.get("metadata").map(|m| m.map("annotations")).unwrap_or_default() {
            if key.contains("snippet") {
                self.deny(&field, Capability::IngressSnippets, "a snippet of proxy configuration");
            }
        }
        let Some(spec) = root.get("spec") else { return };
        let rules = spec.list("rules");
        if let Some(backend) = spec.get("defaultBackend") {
            self.deny(&backend, Capability::AnyIngressHost, "a default backend, which takes every host,");
        }
        for rule in &rules {
            self.host(&rule.get_or_absent("host"), rule.text_of("host").unwrap_or_default());
        }
        for host in spec.list("tls").iter().flat_map(|t| t.list("hosts")) {
            self.host(&host, host.text().unwrap_or_default());
        }
    }

    fn host(&mut self, field: &Field<'_>, host: &str) {
        let within = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|h| h.ends_with('.'));
        if self.tenant.domains.iter().any(|d| within(d)) {
            return;
        }
        let own = match self.tenant.domains.join(", ") {
            none if none.is_empty() => "the tenant has no domain".to_owned(),
            some => format!("the tenant's domains are {some}"),
        };
        let what = if host.is_empty() { "a rule for every host".to_owned() } else { self.report.show(host) };
        self.deny(field, Capability::AnyIngressHost, &format!("{what} ({own})"));
    }

    fn secret(&mut self, root: &Field<'_>) {
        if root.text_of("type") == Some("kubernetes.io/service-account-token") {
            let message = "a lasting token of a ServiceAccount is refused; name the ServiceAccount in the pod instead";
            self.report.error(&root.get_or_absent("type"), "refused_field", message);
        }
    }

    fn pod(&mut self, spec: &Field<'_>) {
        if let Some(field) = spec.get("nodeName").filter(|f| f.text() != Some("")) {
            self.deny(&field, Capability::NodeName, "nodeName, which goes past the scheduler,");
        }
        for key in ["priorityClassName", "priority"] {
            if let Some(field) = spec.get(key).filter(|f| f.text() != Some("")) {
                self.deny(&field, Capability::PriorityClassName, key);
            }
        }
        if let Some(field) = spec.get("schedulerName").filter(|f| !matches!(f.text(), Some("" | "default-scheduler"))) {
            self.deny(&field, Capability::SchedulerName, "a scheduler of its own");
        }
        for toleration in spec.list("tolerations") {
            let key = toleration.text_of("key").unwrap_or_default();
            let control = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", ""];
            if control.contains(&key) {
                self.deny(&toleration, Capability::ControlPlaneTolerations, "tolerating the control plane's taint");
            }
        }
    }
}
