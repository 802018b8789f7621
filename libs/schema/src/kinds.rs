//! The kinds that a task may hold: one static table.

use crate::Type;

/// One kind that a task may hold.
#[derive(Debug, PartialEq, Eq)]
pub struct AllowedKind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version, always a GA one.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The resource's name in paths.
    pub plural: &'static str,
    /// Where it stands in the order of applying, from 0; objects of a tier are applied side by side.
    pub tier: u8,
    /// Where a pod's template is inside, as a path of fields; `Some(&[])` for a Pod itself.
    pub template: Option<&'static [&'static str]>,
}

const fn kind(
    (group, version): (&'static str, &'static str),
    kind: &'static str,
    plural: &'static str,
    tier: u8,
    template: Option<&'static [&'static str]>,
) -> AllowedKind {
    AllowedKind { group, version, kind, plural, tier, template }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const NETWORKING: (&str, &str) = ("networking.k8s.io", "v1");
const POLICY: (&str, &str) = ("policy", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");
const AUTOSCALING: (&str, &str) = ("autoscaling", "v2");

/// The number of tiers.
pub const TIERS: u8 = 6;

/// Every kind that is applied, in the order of tiers. Namespace is not here: one that the tenant
/// owns is accepted and not applied.
pub static ALLOWED: [AllowedKind; 16] = [
    kind(CORE, "ServiceAccount", "serviceaccounts", 0, None),
    kind(RBAC, "Role", "roles", 0, None),
    kind(NETWORKING, "NetworkPolicy", "networkpolicies", 0, None),
    kind(RBAC, "RoleBinding", "rolebindings", 1, None),
    kind(CORE, "Secret", "secrets", 1, None),
    kind(CORE, "ConfigMap", "configmaps", 1, None),
    kind(CORE, "PersistentVolumeClaim", "persistentvolumeclaims", 1, None),
    kind(CORE, "Service", "services", 2, None),
    kind(POLICY, "PodDisruptionBudget", "poddisruptionbudgets", 2, None),
    kind(APPS, "Deployment", "deployments", 3, Some(&["spec", "template"])),
    kind(APPS, "StatefulSet", "statefulsets", 3, Some(&["spec", "template"])),
    kind(CORE, "Pod", "pods", 3, Some(&[])),
    kind(BATCH, "Job", "jobs", 4, Some(&["spec", "template"])),
    kind(BATCH, "CronJob", "cronjobs", 4, Some(&["spec", "jobTemplate", "spec", "template"])),
    kind(AUTOSCALING, "HorizontalPodAutoscaler", "horizontalpodautoscalers", 5, None),
    kind(NETWORKING, "Ingress", "ingresses", 5, None),
];

/// The allowed kind of that `apiVersion` and `kind`.
pub fn allowed(api_version: &str, kind: &str) -> Option<&'static AllowedKind> {
    ALLOWED.iter().find(|k| k.kind == kind && k.api_version() == api_version)
}

impl AllowedKind {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The kind's shape.
    pub fn shape(&self) -> &'static Type {
        crate::of_kind(self.group, self.version, self.kind).expect("every allowed kind is a root of extract.py")
    }
}
