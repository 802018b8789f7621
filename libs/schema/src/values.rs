//! What the API server checks beyond types: the values of a field, the range of a number,
//! fields of which one only may stand. Its OpenAPI documents leave these out, so they are
//! written down here, from `pkg/apis/*/validation` of the release.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Range, Type, Union};

/// A type by the end of its name, a field, and its only values; of a list, those of its items.
type Enumeration = (&'static str, &'static str, &'static [&'static str]);

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const PULL: &[&str] = &["Always", "IfNotPresent", "Never"];
const TERMINATION: &[&str] = &["File", "FallbackToLogsOnError"];
const RETAIN: &[&str] = &["Retain", "Delete"];
const HONOR: &[&str] = &["Honor", "Ignore"];
const LOCAL: &[&str] = &["Cluster", "Local"];
const PROFILES: &[&str] = &["RuntimeDefault", "Localhost", "Unconfined"];
const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

const ENUMERATIONS: &[Enumeration] = &[
    ("apps.v1.DeploymentStrategy", "type", &["RollingUpdate", "Recreate"]),
    ("apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted", RETAIN),
    ("apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled", RETAIN),
    ("apps.v1.StatefulSetSpec", "podManagementPolicy", &["OrderedReady", "Parallel"]),
    ("apps.v1.StatefulSetUpdateStrategy", "type", &["RollingUpdate", "OnDelete"]),
    ("autoscaling.v2.HPAScalingPolicy", "type", &["Pods", "Percent"]),
    ("autoscaling.v2.HPAScalingRules", "selectPolicy", &["Max", "Min", "Disabled"]),
    ("autoscaling.v2.MetricSpec", "type", &["Resource", "ContainerResource", "Pods", "Object", "External"]),
    ("autoscaling.v2.MetricTarget", "type", &["Utilization", "AverageValue", "Value"]),
    ("batch.v1.CronJobSpec", "concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("batch.v1.JobSpec", "completionMode", &["NonIndexed", "Indexed"]),
    ("batch.v1.JobSpec", "podReplacementPolicy", &["TerminatingOrFailed", "Failed"]),
    ("batch.v1.PodFailurePolicyRule", "action", &["FailJob", "FailIndex", "Ignore", "Count"]),
    ("core.v1.AppArmorProfile", "type", PROFILES),
    ("core.v1.Container", "imagePullPolicy", PULL),
    ("core.v1.Container", "terminationMessagePolicy", TERMINATION),
    ("core.v1.Container", "restartPolicy", &["Always", "OnFailure", "Never"]),
    ("core.v1.ContainerPort", "protocol", PROTOCOLS),
    ("core.v1.HTTPGetAction", "scheme", &["HTTP", "HTTPS"]),
    (
        "core.v1.HostPathVolumeSource",
        "type",
        &["DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"],
    ),
    ("core.v1.ImageVolumeSource", "pullPolicy", PULL),
    ("core.v1.NodeSelectorRequirement", "operator", &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
    (
        "core.v1.PersistentVolumeClaimSpec",
        "accessModes",
        &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
    ),
    ("core.v1.PersistentVolumeClaimSpec", "volumeMode", &["Filesystem", "Block"]),
    ("core.v1.PodOS", "name", &["linux", "windows"]),
    ("core.v1.PodSecurityContext", "fsGroupChangePolicy", &["OnRootMismatch", "Always"]),
    ("core.v1.PodSecurityContext", "supplementalGroupsPolicy", &["Merge", "Strict"]),
    ("core.v1.PodSpec", "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("core.v1.PodSpec", "preemptionPolicy", &["PreemptLowerPriority", "Never"]),
    ("core.v1.PodSpec", "restartPolicy", &["Always", "OnFailure", "Never"]),
    ("core.v1.SeccompProfile", "type", PROFILES),
    ("core.v1.SecurityContext", "procMount", &["Default", "Unmasked"]),
    ("core.v1.ServicePort", "protocol", PROTOCOLS),
    ("core.v1.ServiceSpec", "externalTrafficPolicy", LOCAL),
    ("core.v1.ServiceSpec", "internalTrafficPolicy", LOCAL),
    ("core.v1.ServiceSpec", "ipFamilies", &["IPv4", "IPv6"]),
    ("core.v1.ServiceSpec", "ipFamilyPolicy", &["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ("core.v1.ServiceSpec", "sessionAffinity", &["None", "ClientIP"]),
    ("core.v1.ServiceSpec", "type", &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    ("core.v1.Toleration", "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ("core.v1.Toleration", "operator", &["Equal", "Exists"]),
    ("core.v1.TopologySpreadConstraint", "nodeAffinityPolicy", HONOR),
    ("core.v1.TopologySpreadConstraint", "nodeTaintsPolicy", HONOR),
    ("core.v1.TopologySpreadConstraint", "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    ("core.v1.VolumeMount", "mountPropagation", &["None", "HostToContainer", "Bidirectional"]),
    ("core.v1.VolumeMount", "recursiveReadOnly", &["Disabled", "IfPossible", "Enabled"]),
    ("networking.v1.HTTPIngressPath", "pathType", &["Prefix", "Exact", "ImplementationSpecific"]),
    ("networking.v1.NetworkPolicyPort", "protocol", PROTOCOLS),
    ("networking.v1.NetworkPolicySpec", "policyTypes", &["Ingress", "Egress"]),
    ("policy.v1.PodDisruptionBudgetSpec", "unhealthyPodEvictionPolicy", &["IfHealthyBudget", "AlwaysAllow"]),
    ("meta.v1.LabelSelectorRequirement", "operator", OPERATORS),
];

const ANY: i64 = i64::MAX;
const PORT: i64 = 65_535;
const ID: i64 = i32::MAX as i64;
/// `0777`.
const MODE: i64 = 0o777;

/// A type by the end of its name, its fields, and the least and the most they may be.
const RANGES: &[(&str, &[&str], i64, i64)] = &[
    (
        "apps.v1.DeploymentSpec",
        &["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
        0,
        ANY,
    ),
    ("apps.v1.RollingUpdateStatefulSetStrategy", &["partition"], 0, ANY),
    ("apps.v1.StatefulSetSpec", &["replicas", "minReadySeconds", "revisionHistoryLimit"], 0, ANY),
    ("autoscaling.v2.HPAScalingPolicy", &["value"], 1, ANY),
    ("autoscaling.v2.HPAScalingPolicy", &["periodSeconds"], 1, 1_800),
    ("autoscaling.v2.HPAScalingRules", &["stabilizationWindowSeconds"], 0, 3_600),
    ("autoscaling.v2.HorizontalPodAutoscalerSpec", &["minReplicas", "maxReplicas"], 1, ANY),
    ("autoscaling.v2.MetricTarget", &["averageUtilization"], 1, ANY),
    (
        "batch.v1.CronJobSpec",
        &["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"],
        0,
        ANY,
    ),
    (
        "batch.v1.JobSpec",
        &[
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
            "backoffLimitPerIndex",
            "maxFailedIndexes",
        ],
        0,
        ANY,
    ),
    ("core.v1.ClientIPConfig", &["timeoutSeconds"], 1, 86_400),
    ("core.v1.ConfigMapVolumeSource", &["defaultMode"], 0, MODE),
    ("core.v1.ContainerPort", &["containerPort"], 1, PORT),
    ("core.v1.ContainerPort", &["hostPort"], 0, PORT),
    ("core.v1.DownwardAPIVolumeFile", &["mode"], 0, MODE),
    ("core.v1.DownwardAPIVolumeSource", &["defaultMode"], 0, MODE),
    ("core.v1.GRPCAction", &["port"], 1, PORT),
    ("core.v1.KeyToPath", &["mode"], 0, MODE),
    ("core.v1.PodSecurityContext", &["runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"], 0, ID),
    ("core.v1.PodSpec", &["activeDeadlineSeconds"], 1, ID),
    ("core.v1.PodSpec", &["terminationGracePeriodSeconds"], 0, ANY),
    ("core.v1.PreferredSchedulingTerm", &["weight"], 1, 100),
    (
        "core.v1.Probe",
        &["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"],
        0,
        ANY,
    ),
    ("core.v1.Probe", &["terminationGracePeriodSeconds"], 1, ANY),
    ("core.v1.ProjectedVolumeSource", &["defaultMode"], 0, MODE),
    ("core.v1.SecretVolumeSource", &["defaultMode"], 0, MODE),
    ("core.v1.SecurityContext", &["runAsUser", "runAsGroup"], 0, ID),
    ("core.v1.ServiceAccountTokenProjection", &["expirationSeconds"], 600, 1 << 32),
    ("core.v1.ServicePort", &["port"], 1, PORT),
    ("core.v1.ServicePort", &["nodePort"], 0, PORT),
    ("core.v1.SleepAction", &["seconds"], 0, ANY),
    ("core.v1.TopologySpreadConstraint", &["maxSkew", "minDomains"], 1, ANY),
    ("core.v1.WeightedPodAffinityTerm", &["weight"], 1, 100),
    ("networking.v1.NetworkPolicyPort", &["endPort"], 1, PORT),
    ("networking.v1.ServiceBackendPort", &["number"], 1, PORT),
];

/// A type by the end of its name, the fields of which one only may stand (none named: all but
/// `name`), and whether one must.
const UNIONS: &[(&str, &[&str], bool)] = &[
    ("batch.v1.PodFailurePolicyRule", &["onExitCodes", "onPodConditions"], true),
    ("core.v1.DownwardAPIVolumeFile", &["fieldRef", "resourceFieldRef"], true),
    ("core.v1.EnvFromSource", &["configMapRef", "secretRef"], true),
    ("core.v1.EnvVarSource", &[], true),
    ("core.v1.LifecycleHandler", &["exec", "httpGet", "tcpSocket", "sleep"], true),
    ("core.v1.Probe", &["exec", "httpGet", "tcpSocket", "grpc"], true),
    // A volume without a source is an emptyDir.
    ("core.v1.Volume", &[], false),
    ("core.v1.VolumeProjection", &[], false),
    ("networking.v1.IngressBackend", &["service", "resource"], true),
    ("networking.v1.ServiceBackendPort", &["name", "number"], true),
    ("policy.v1.PodDisruptionBudgetSpec", &["minAvailable", "maxUnavailable"], false),
];

/// Writes the tables into the types.
pub fn add(types: &mut BTreeMap<String, Type>) {
    for &(name, field, values) in ENUMERATIONS {
        let shape = find(types, name).fields.get_mut(field).expect("the tables name fields of the release");
        shape.values_allowed = values.iter().map(|v| Value::from(*v)).collect();
    }
    for &(name, fields, least, most) in RANGES {
        let of = find(types, name);
        for &field in fields {
            let shape = of.fields.get_mut(field).expect("the tables name fields of the release");
            shape.range = Some(Range { least, most });
        }
    }
    for &(name, fields, required) in UNIONS {
        let of = find(types, name);
        let all = of.fields.keys().filter(|f| *f != "name").cloned();
        let fields = if fields.is_empty() { all.collect() } else { fields.iter().map(|f| (*f).into()).collect() };
        of.union = Some(Union { fields, required });
    }
}

fn find<'t>(types: &'t mut BTreeMap<String, Type>, end: &str) -> &'t mut Type {
    for prefix in ["io.k8s.api.", "io.k8s.apimachinery.pkg.apis."] {
        let name = format!("{prefix}{end}");
        if types.contains_key(&name) {
            return types.get_mut(&name).expect("it was just found");
        }
    }
    unreachable!("the tables name types of the release: {end}")
}
