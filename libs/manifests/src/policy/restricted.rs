//! The Pod Security Standards' level `restricted`, as of 1.35, on top of `baseline`.

use super::security::{Pod, forbid};
use crate::{field::Field, report::Report};

const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What `restricted` wants of a pod and is not said; what contradicts it is refused.
#[derive(Debug, Default)]
pub struct Missing {
    /// `runAsNonRoot: true` on the pod.
    pub non_root: bool,
    /// `seccompProfile: RuntimeDefault` on the pod.
    pub seccomp: bool,
    /// Of each container: `allowPrivilegeEscalation: false`.
    pub escalation: Vec<bool>,
    /// Of each container: `capabilities: {drop: [ALL]}`.
    pub drop_all: Vec<bool>,
}

impl Missing {
    /// What is missing of a pod, its containers in the order of [`Pod::containers`].
    pub fn of(pod: &Pod<'_>) -> Self {
        let unset = |path: &[&str]| {
            let on = |f: &Field<'_>| f.get("securityContext").and_then(|c| c.walk(path)).is_some();
            !on(&pod.spec) && !pod.containers.iter().all(on)
        };
        let each = |path: &[&str]| {
            let lacks =
                |c: &Field<'_>| !pod.is_windows() && c.get("securityContext").and_then(|s| s.walk(path)).is_none();
            pod.containers.iter().map(lacks).collect()
        };
        Self {
            non_root: !pod.has_own_users() && unset(&["runAsNonRoot"]),
            seccomp: !pod.is_windows() && unset(&["seccompProfile"]),
            escalation: each(&["allowPrivilegeEscalation"]),
            drop_all: each(&["capabilities", "drop"]),
        }
    }
}

pub fn check(pod: &Pod<'_>, complete: bool, report: &mut Report) {
    volumes(pod, report);
    users(pod, report);
    for field in pod.in_contexts(&["procMount"]).filter(|f| !matches!(f.text(), Some("Default" | ""))) {
        no(&field, "expected Default", report);
    }
    if !pod.is_windows() {
        pod.containers.iter().for_each(|c| container(c, report));
    }
    if complete {
        missing(pod, &Missing::of(pod), report);
    }
}

fn no(field: &Field<'_>, reason: &str, report: &mut Report) {
    forbid(field, "restricted", reason, report);
}

fn volumes(pod: &Pod<'_>, report: &mut Report) {
    for volume in pod.spec.list("volumes") {
        let other = volume.entries().find(|(key, f)| *key != "name" && !VOLUMES.contains(key) && !f.node.is_null());
        // A host path is refused by `baseline` already.
        if let Some((_, field)) = other.filter(|(key, _)| *key != "hostPath") {
            no(&field, "this kind of volume is not among those allowed; use a PersistentVolumeClaim", report);
        }
    }
}

fn users(pod: &Pod<'_>, report: &mut Report) {
    if pod.has_own_users() {
        return;
    }
    for field in pod.in_contexts(&["runAsNonRoot"]).filter(|f| f.bool() == Some(false)) {
        no(&field, "containers run as another user than root; remove it or set true", report);
    }
    for field in pod.in_contexts(&["runAsUser"]).filter(|f| f.int() == Some(0)) {
        no(&field, "containers run as another user than root; set another id than 0", report);
    }
}

fn container(container: &Field<'_>, report: &mut Report) {
    let Some(context) = container.get("securityContext") else { return };
    if let Some(field) = context.get("allowPrivilegeEscalation").filter(|f| f.bool() != Some(false)) {
        no(&field, "expected false", report);
    }
    let Some(capabilities) = context.get("capabilities") else { return };
    if let Some(drop) = capabilities.get("drop").filter(|d| !d.items().any(|c| c.text() == Some("ALL"))) {
        no(&drop, "expected [ALL]; a capability that is needed goes into add", report);
    }
    for added in capabilities.list("add").iter().filter(|c| c.text() != Some("NET_BIND_SERVICE")) {
        no(added, "only NET_BIND_SERVICE may be added", report);
    }
}

fn missing(pod: &Pod<'_>, missing: &Missing, report: &mut Report) {
    let context = pod.spec.get("securityContext").unwrap_or_else(|| pod.spec.absent("securityContext"));
    if missing.non_root {
        no(&context.absent("runAsNonRoot"), "add runAsNonRoot: true", report);
    }
    if missing.seccomp {
        no(&context.absent("seccompProfile"), "add seccompProfile: {type: RuntimeDefault}", report);
    }
    for (i, container) in pod.containers.iter().enumerate() {
        let context = container.get_or_absent("securityContext");
        if missing.escalation[i] {
            no(&context.absent("allowPrivilegeEscalation"), "add allowPrivilegeEscalation: false", report);
        }
        if missing.drop_all[i] {
            no(&context.absent("capabilities"), "add capabilities: {drop: [ALL]}", report);
        }
    }
}
