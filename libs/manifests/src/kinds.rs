//! Which kinds a task may hold, and what to use instead of the others.

use schema::kinds::{ALLOWED, AllowedKind, allowed};

/// What becomes of an object of some kind.
pub enum Verdict {
    /// It is checked and applied.
    Allowed(&'static AllowedKind),
    /// It is accepted and not applied.
    Namespace,
    /// It is refused: the problem's code and message.
    Refused(&'static str, String),
}

/// The groups of Kubernetes itself that ever served one of the allowed kinds.
const OWN_GROUPS: [&str; 9] = [
    "",
    "apps",
    "extensions",
    "batch",
    "autoscaling",
    "policy",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "authorization.k8s.io",
];

/// What becomes of an object of that `apiVersion` and `kind`.
pub fn verdict(api_version: &str, kind: &str) -> Verdict {
    if let Some(found) = allowed(api_version, kind) {
        return Verdict::Allowed(found);
    }
    if (api_version, kind) == ("v1", "Namespace") {
        return Verdict::Namespace;
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let served = ALLOWED.iter().find(|k| k.kind == kind).filter(|_| OWN_GROUPS.contains(&group));
    if let Some(served) = served {
        return other_version(api_version, served);
    }
    let message = match instead(kind) {
        Some(hint) => format!("{kind} is not a kind that a task may hold: {hint}"),
        None => unknown(api_version, kind, group),
    };
    Verdict::Refused("kind_not_allowed", message)
}

fn other_version(api_version: &str, served: &AllowedKind) -> Verdict {
    let right = served.api_version();
    let old = ["alpha", "beta", "extensions/"].iter().any(|w| api_version.contains(w)) || served.version == "v2";
    let also = match (served.kind, old) {
        ("HorizontalPodAutoscaler", true) => "; targetCPUUtilizationPercentage becomes an item of spec.metrics",
        ("Ingress", true) => {
            "; serviceName and servicePort become service.name and service.port, and each path has a pathType"
        }
        ("Deployment" | "StatefulSet", true) => "; spec.selector is required there",
        ("PodDisruptionBudget", true) => "; an empty selector selects every pod there",
        _ => "",
    };
    let kind = served.kind;
    let message = if old {
        format!("{kind} of `{api_version}` is old or gone from Kubernetes: write `apiVersion: {right}`{also}")
    } else {
        format!("{kind} is not in `{api_version}`: write `apiVersion: {right}`")
    };
    Verdict::Refused("api_version", message)
}

fn unknown(api_version: &str, kind: &str, group: &str) -> String {
    let known = ALLOWED.iter().map(|k| k.kind).chain(["Namespace", "List"]);
    if let Some(near) = crate::names::nearest(kind, known).filter(|_| OWN_GROUPS.contains(&group)) {
        return format!("{kind} is not a kind that a task may hold: did you mean {near}?");
    }
    if group.contains('.') && !group.ends_with("k8s.io") {
        return format!(
            "{kind} of `{api_version}` is a custom resource: its operator's administrator applies it; a task holds {}",
            list()
        );
    }
    format!("{kind} of `{api_version}` is not a kind that a task may hold; a task holds {}", list())
}

fn list() -> String {
    ALLOWED.iter().map(|k| k.kind).collect::<Vec<_>>().join(", ")
}

/// What to use instead of a kind.
fn instead(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "DaemonSet" => {
            "use a Deployment, with topologySpreadConstraints to spread it over nodes; one pod a node is the administrator's to run"
        }
        "ReplicaSet" => "use a Deployment of apps/v1, which makes its ReplicaSets itself",
        "ReplicationController" => "use a Deployment of apps/v1: its selector is written as matchLabels",
        "PodTemplate" => "use a Deployment or a Job, which hold their template",
        "ControllerRevision" | "EndpointSlice" | "Event" | "Lease" => {
            "Kubernetes' controllers make it themselves; leave it out"
        }
        "Endpoints" => "use a Service with a selector; an address outside the cluster is the administrator's to add",
        "ClusterRole" => "use a Role, which holds within its namespace",
        "ClusterRoleBinding" => "use a RoleBinding to a Role, which holds within its namespace",
        "PersistentVolume" => "use a PersistentVolumeClaim; the cluster's storage class makes the volume",
        "StorageClass" | "VolumeAttributesClass" | "CSIDriver" => {
            "it is the administrator's; name one in a PersistentVolumeClaim's storageClassName"
        }
        "PriorityClass" | "RuntimeClass" | "IngressClass" => {
            "it is the administrator's; ask for one, and name it in the manifest"
        }
        "LimitRange" | "ResourceQuota" => "the administrator sets it for the tenant's namespaces; leave it out",
        "CustomResourceDefinition"
        | "APIService"
        | "MutatingWebhookConfiguration"
        | "ValidatingWebhookConfiguration"
        | "ValidatingAdmissionPolicy"
        | "InitializerConfiguration" => "it changes the whole cluster, which is the administrator's to do",
        "PodSecurityPolicy" => {
            "it is gone from Kubernetes; the tenant's policy (restricted, baseline, privileged) holds instead"
        }
        "Node" => "it is the administrator's; leave it out",
        "ServiceMonitor" | "PodMonitor" | "Probe" | "PodMonitoring" => {
            "annotate the pods with prometheus.io/scrape, /port and /path, or ask the administrator to scrape the Service"
        }
        "PrometheusRule" | "Rules" | "AlertmanagerConfig" => {
            "alerting rules are the administrator's to load; leave it out"
        }
        "ScaledObject" | "ScaledJob" => {
            "use a HorizontalPodAutoscaler, or label the worker app.kubernetes.io/component: worker and one is added"
        }
        "Kustomization" => "send what it builds: `kustomize build DIR | marea apply -f -`",
        "HelmChart" | "HelmRelease" => "send what the chart renders: `helm template CHART | marea apply -f -`",
        "Gateway" | "HTTPRoute" | "Route" | "VirtualService" => "use an Ingress",
        "Rollout" => "use a Deployment",
        "Certificate" | "Issuer" => "name a TLS Secret in the Ingress; issuing certificates is the administrator's",
        "SealedSecret" | "ExternalSecret" => "use a Secret; its values are redacted wherever Marea shows them",
        _ => return None,
    })
}
