//! The resources that the sandbox serves: one static table.

use schema::Type;

/// One resource of the API.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) namespaced: bool,
    /// Whether it has the subresource `status`.
    pub(crate) status: bool,
    /// Whether it has the subresource `scale`.
    pub(crate) scale: bool,
    /// Whether the API server counts its `metadata.generation`.
    pub(crate) generation: bool,
    /// Where a pod's template is inside, as a dotted path; empty for a pod itself.
    pub(crate) template: Option<&'static str>,
}

/// A resource's place in [`RESOURCES`].
pub(crate) type Index = u8;

const PLAIN: Resource = Resource {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    short: &[],
    namespaced: true,
    status: false,
    scale: false,
    generation: false,
    template: None,
};
const APPS: Resource =
    Resource { group: "apps", status: true, generation: true, template: Some("spec.template"), ..PLAIN };
const BATCH: Resource = Resource { group: "batch", ..APPS };
const NETWORKING: Resource = Resource { group: "networking.k8s.io", generation: true, ..PLAIN };
const RBAC: Resource = Resource { group: "rbac.authorization.k8s.io", ..PLAIN };

/// Every resource that is served.
pub(crate) static RESOURCES: [Resource; 22] = [
    Resource { kind: "Namespace", plural: "namespaces", short: &["ns"], namespaced: false, status: true, ..PLAIN },
    Resource { kind: "ServiceAccount", plural: "serviceaccounts", short: &["sa"], ..PLAIN },
    Resource { kind: "ConfigMap", plural: "configmaps", short: &["cm"], ..PLAIN },
    Resource { kind: "Secret", plural: "secrets", ..PLAIN },
    Resource {
        kind: "PersistentVolumeClaim",
        plural: "persistentvolumeclaims",
        short: &["pvc"],
        status: true,
        ..PLAIN
    },
    Resource { kind: "Service", plural: "services", short: &["svc"], status: true, ..PLAIN },
    Resource {
        kind: "Pod",
        plural: "pods",
        short: &["po"],
        status: true,
        generation: true,
        template: Some(""),
        ..PLAIN
    },
    Resource { kind: "Event", plural: "events", short: &["ev"], ..PLAIN },
    Resource { kind: "Deployment", plural: "deployments", short: &["deploy"], scale: true, ..APPS },
    Resource { kind: "ReplicaSet", plural: "replicasets", short: &["rs"], scale: true, ..APPS },
    Resource { kind: "StatefulSet", plural: "statefulsets", short: &["sts"], scale: true, ..APPS },
    Resource { kind: "Job", plural: "jobs", ..BATCH },
    Resource {
        kind: "CronJob",
        plural: "cronjobs",
        short: &["cj"],
        template: Some("spec.jobTemplate.spec.template"),
        ..BATCH
    },
    Resource {
        group: "autoscaling",
        version: "v2",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers",
        short: &["hpa"],
        status: true,
        ..PLAIN
    },
    Resource { kind: "Ingress", plural: "ingresses", short: &["ing"], status: true, ..NETWORKING },
    Resource { kind: "NetworkPolicy", plural: "networkpolicies", short: &["netpol"], ..NETWORKING },
    Resource {
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        short: &["pdb"],
        status: true,
        generation: true,
        ..PLAIN
    },
    Resource { kind: "Role", plural: "roles", ..RBAC },
    Resource { kind: "RoleBinding", plural: "rolebindings", ..RBAC },
    Resource { group: "coordination.k8s.io", kind: "Lease", plural: "leases", ..PLAIN },
    Resource { group: "discovery.k8s.io", kind: "EndpointSlice", plural: "endpointslices", generation: true, ..PLAIN },
    Resource { group: "apps", kind: "ControllerRevision", plural: "controllerrevisions", ..PLAIN },
];

/// The resource of that group (empty for the core group), version and plural.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// The resource of that kind; kinds are unique in the table.
pub(crate) fn of_kind(kind: &str) -> &'static Resource {
    RESOURCES.iter().find(|r| r.kind == kind).expect("controllers name kinds of the table")
}

impl Resource {
    /// `apps/v1`, or `v1` for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods` for the core group: the name in the API server's messages.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Deployment.apps`, or `Pod` for the core group.
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// Its shape.
    pub(crate) fn shape(&self) -> &'static Type {
        schema::of_kind(self.group, self.version, self.kind).expect("every served kind is a root of extract.py")
    }

    /// Its place in the table.
    pub(crate) fn index(&self) -> Index {
        let place = RESOURCES.iter().position(|r| r.kind == self.kind).expect("the resource is of the table");
        u8::try_from(place).expect("the table is short")
    }
}
