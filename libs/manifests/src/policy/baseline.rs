//! The Pod Security Standards' level `baseline`, as of 1.35 (`pod-security-admission/policy`).

use super::security::{Pod, forbid};
use crate::{field::Field, report::Report};

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const SELINUX: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

pub fn check(pod: &Pod<'_>, report: &mut Report) {
    host(pod, report);
    volumes(pod, report);
    contexts(pod, report);
    app_armor(pod, report);
    linux(pod, report);
    for container in &pod.containers {
        privileges(container, report);
        ports(container, report);
        hosts(container, report);
    }
}

fn no(field: &Field<'_>, reason: &str, report: &mut Report) {
    forbid(field, "baseline", reason, report);
}

fn host(pod: &Pod<'_>, report: &mut Report) {
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if let Some(field) = pod.spec.get(key).filter(|f| f.bool() == Some(true)) {
            no(&field, "a pod shares no namespace with its node; remove it", report);
        }
    }
    for field in pod.in_contexts(&["windowsOptions", "hostProcess"]).filter(|f| f.bool() == Some(true)) {
        no(&field, "a container runs no process of its node; remove it", report);
    }
}

fn volumes(pod: &Pod<'_>, report: &mut Report) {
    for field in pod.spec.list("volumes").iter().filter_map(|v| v.get("hostPath")) {
        no(&field, "a pod mounts nothing of its node; use an emptyDir, a ConfigMap or a PersistentVolumeClaim", report);
    }
}

fn privileges(container: &Field<'_>, report: &mut Report) {
    let Some(context) = container.get("securityContext") else { return };
    if let Some(field) = context.get("privileged").filter(|f| f.bool() == Some(true)) {
        no(&field, "no container is privileged; remove it", report);
    }
    let added = context.walk(&["capabilities", "add"]);
    for field in added.iter().flat_map(|a| a.items()).filter(|c| !c.text().is_some_and(|t| CAPABILITIES.contains(&t))) {
        no(&field, "this capability is none of the container runtime's default ones; remove it", report);
    }
}

fn ports(container: &Field<'_>, report: &mut Report) {
    for port in container.list("ports") {
        if let Some(field) = port.get("hostPort").filter(|f| f.int() != Some(0)) {
            no(&field, "a container takes no port of its node; use a Service", report);
        }
    }
}

/// Probes and hooks that call another host (since 1.34).
fn hosts(container: &Field<'_>, report: &mut Report) {
    let probes: [&[&str]; 5] = [
        &["livenessProbe"],
        &["readinessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ];
    for handler in probes.iter().filter_map(|path| container.walk(path)) {
        for host in ["httpGet", "tcpSocket"].iter().filter_map(|kind| handler.walk(&[kind, "host"])) {
            if host.text() != Some("") {
                no(&host, "a probe or hook calls its own pod only; remove the host", report);
            }
        }
    }
}

fn contexts(pod: &Pod<'_>, report: &mut Report) {
    for options in pod.in_contexts(&["seLinuxOptions"]) {
        if let Some(field) = options.get("type").filter(|t| !t.text().is_some_and(|t| SELINUX.contains(&t))) {
            no(&field, "expected one of container_t, container_init_t, container_kvm_t, container_engine_t", report);
        }
        for field in ["user", "role"].iter().filter_map(|k| options.get(k)).filter(|f| f.text() != Some("")) {
            no(&field, "SELinux' user and role are not to be set; remove it", report);
        }
    }
    for field in pod.in_contexts(&["seccompProfile", "type"]).filter(|f| f.text() == Some("Unconfined")) {
        no(&field, "expected RuntimeDefault or Localhost", report);
    }
}

fn linux(pod: &Pod<'_>, report: &mut Report) {
    let masked = |f: &Field<'_>| matches!(f.text(), Some("Default" | ""));
    for field in pod.in_contexts(&["procMount"]).filter(|f| !masked(f) && !pod.has_own_users()) {
        no(&field, "expected Default", report);
    }
    let sysctls = pod.spec.get("securityContext").map(|c| c.list("sysctls")).unwrap_or_default();
    for name in sysctls.iter().filter_map(|s| s.get("name")).filter(|n| !n.text().is_some_and(|t| SYSCTLS.contains(&t)))
    {
        no(&name, "this sysctl is not safe to share a node with; remove it", report);
    }
}

fn app_armor(pod: &Pod<'_>, report: &mut Report) {
    for field in pod.in_contexts(&["appArmorProfile", "type"]).filter(|f| f.text() == Some("Unconfined")) {
        no(&field, "expected RuntimeDefault or Localhost", report);
    }
    for (key, field) in pod.metadata.as_ref().map(|m| m.map("annotations")).unwrap_or_default() {
        let value = field.text().unwrap_or_default();
        let right = value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
        if key.starts_with(APPARMOR) && !right {
            no(&field, "expected runtime/default or localhost/…", report);
        }
    }
}
