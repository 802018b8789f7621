//! Containers: image, environment, ports, probes.

use std::collections::HashSet;

use super::{port, resources, syntax_of, unique, volume};
use crate::{field::Field, names, report::Report};

/// Where a container stands in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One of `containers`.
    Main,
    /// One of `initContainers`.
    Init,
}

/// One container.
pub fn check(container: &Field<'_>, role: Role, volumes: &HashSet<&str>, report: &mut Report) {
    syntax_of(container, "name", names::label, report);
    image(container, report);
    environment(container, report);
    ports(container, report);
    resources::check(container, report);
    volume::mounts(container, volumes, report);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get(probe) {
            self::probe(&probe, report);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(hook) = container.walk(&["lifecycle", hook]) {
            handler(&hook, report);
        }
    }
    restart(container, role, report);
    privilege(container, report);
}

fn image(container: &Field<'_>, report: &mut Report) {
    let field = container.get_or_absent("image");
    match container.text_of("image") {
        None | Some("") => report.error(&field, "missing_field", "a container needs an image"),
        Some(text) if text.trim() != text => {
            report.error(&field, "image", "the image begins or ends with a space; remove it");
        }
        Some(_) => {}
    }
}

fn environment(container: &Field<'_>, report: &mut Report) {
    for variable in container.list("env") {
        syntax_of(&variable, "name", names::env_var, report);
        let value = variable.text_of("value").is_some_and(|v| !v.is_empty());
        if let Some(from) = variable.get("valueFrom").filter(|_| value) {
            report.error(&from, "one_only", "`value` and `valueFrom` exclude each other; keep one");
        }
        if let Some(resource) = variable.walk(&["valueFrom", "resourceFieldRef", "resource"]) {
            volume::resource(&resource, report);
        }
        if let Some(path) = variable.walk(&["valueFrom", "fieldRef", "fieldPath"]) {
            volume::field_path(&path, volume::OF_ENVIRONMENT, report);
        }
        for source in ["configMapKeyRef", "secretKeyRef"] {
            let Some(source) = variable.walk(&["valueFrom", source]) else { continue };
            super::named(&source, "name", report);
            syntax_of(&source, "key", names::data_key, report);
        }
    }
    for source in container.list("envFrom") {
        for kind in ["configMapRef", "secretRef"] {
            let Some(of) = source.get(kind) else { continue };
            super::named(&of, "name", report);
        }
    }
}

fn ports(container: &Field<'_>, report: &mut Report) {
    let ports = container.list("ports");
    unique(&ports, "name", report);
    for port in &ports {
        syntax_of(port, "name", names::port_name, report);
    }
}

/// A probe's handler, and what only some probes may hold.
fn probe(probe: &Field<'_>, report: &mut Report) {
    handler(probe, report);
    let successes = probe.get("successThreshold").filter(|f| f.int().is_some_and(|n| n > 1));
    if let Some(field) = successes.filter(|f| !f.path().contains("readinessProbe")) {
        report.error(&field, "out_of_range", "must be 1 for liveness and startup probes");
    }
    let grace = probe.get("terminationGracePeriodSeconds").filter(|f| f.path().contains("readinessProbe"));
    if let Some(field) = grace {
        report.error(&field, "one_only", "a readiness probe takes no terminationGracePeriodSeconds; remove it");
    }
}

fn handler(parent: &Field<'_>, report: &mut Report) {
    for kind in ["httpGet", "tcpSocket"] {
        let Some(get) = parent.get(kind) else { continue };
        port(&get, "port", report);
        for header in get.list("httpHeaders") {
            syntax_of(&header, "name", names::header, report);
        }
    }
    if let Some(exec) = parent.get("exec").filter(|e| e.list("command").is_empty()) {
        report.error(&exec, "missing_field", "exec needs a command");
    }
}

/// Probes of an init container are allowed where it is a sidecar (`restartPolicy: Always`).
fn restart(container: &Field<'_>, role: Role, report: &mut Report) {
    if role != Role::Init || container.text_of("restartPolicy") == Some("Always") {
        return;
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
        if let Some(field) = container.get(key) {
            let message =
                "an init container ends, so it has no probes and hooks; remove it, or set restartPolicy: Always";
            report.error(&field, "init_container", message);
        }
    }
}

fn privilege(container: &Field<'_>, report: &mut Report) {
    let Some(context) = container.get("securityContext") else { return };
    let Some(escalation) = context.get("allowPrivilegeEscalation").filter(|f| f.bool() == Some(false)) else { return };
    let added =
        context.walk(&["capabilities", "add"]).is_some_and(|a| a.items().any(|c| c.text() == Some("CAP_SYS_ADMIN")));
    if added || context.bool_of("privileged") == Some(true) {
        let message = "cannot be false for a container that is privileged or adds CAP_SYS_ADMIN";
        report.error(&escalation, "one_only", message);
    }
}
