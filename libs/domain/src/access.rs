//! Tenants: who may do what, where, and how much.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::TenantName;

/// A tenant's policy, after the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are the standards' own names")]
pub enum Policy {
    Restricted,
    #[default]
    Baseline,
    Privileged,
}

/// What is denied unless the tenant lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each names the field or the Service type that it allows")]
pub enum Capability {
    ExternalIps,
    ExternalName,
    NodePort,
    LoadBalancer,
    /// Ingress hosts outside the tenant's domains.
    AnyIngressHost,
    IngressSnippets,
    NodeName,
    PriorityClassName,
    SchedulerName,
    ControlPlaneTolerations,
}

/// The values that a container gets where it has neither request nor limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultRequests {
    /// CPU, as a Kubernetes quantity.
    pub cpu: String,
    /// Memory, as a Kubernetes quantity.
    pub memory: String,
}

impl Default for DefaultRequests {
    fn default() -> Self {
        Self { cpu: "100m".into(), memory: "128Mi".into() }
    }
}

/// What a tenant may do. Kept in blob storage; changed by `marea tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// The namespaces that it owns; the first is the default. Each belongs to one tenant.
    pub namespaces: Vec<String>,
    /// Whether it has every namespace but `kube-*`, made where absent (`marea up` only).
    #[serde(default)]
    pub every_namespace: bool,
    /// What its pods may do.
    #[serde(default)]
    pub policy: Policy,
    /// What is denied unless listed here.
    #[serde(default)]
    pub allow: BTreeSet<Capability>,
    /// Domains that its Ingress hosts must end in.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Requests of containers that have none.
    #[serde(default)]
    pub default_requests: DefaultRequests,
    /// The most replicas that a defaulted autoscaler may ask for.
    #[serde(default = "max_replicas")]
    pub max_replicas: u32,
    /// The ServiceAccount in the default namespace to write as; none: cluster-applier's own.
    #[serde(default)]
    pub service_account: Option<String>,
    /// The most tasks that are not rolled back; 0: no bound.
    #[serde(default)]
    pub max_tasks: u32,
}

fn max_replicas() -> u32 {
    50
}

impl Tenant {
    /// The tenant of `marea up`: this computer's user.
    pub fn local() -> Self {
        Self {
            name: "local".parse().expect("`local` is a label"),
            namespaces: vec!["default".into()],
            every_namespace: true,
            policy: Policy::Baseline,
            allow: BTreeSet::from([Capability::NodePort, Capability::LoadBalancer, Capability::AnyIngressHost]),
            domains: vec![],
            default_requests: DefaultRequests::default(),
            max_replicas: max_replicas(),
            service_account: None,
            max_tasks: 0,
        }
    }

    /// The namespace of objects that name none.
    pub fn default_namespace(&self) -> &str {
        self.namespaces.first().map_or("default", String::as_str)
    }

    /// Whether the tenant may write to a namespace.
    pub fn owns(&self, namespace: &str) -> bool {
        let own = self.namespaces.iter().any(|n| n == namespace);
        own || (self.every_namespace && !namespace.starts_with("kube-"))
    }
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// `GET` of tasks, standings and logs.
    Read,
    /// `POST`, `PUT`, `DELETE` of tasks.
    Write,
    /// Casting ballots in contests that ask for a token.
    Ballots,
    /// Tenants, tokens, dead letters; opening and closing contests.
    Admin,
}

/// A token as it is stored: never itself, only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its public part, which names it in lists and logs.
    pub id: String,
    /// SHA-256 of its secret part, in hexadecimal. The secret has 256 random bits, so a fast hash suffices. Left out
    /// where a token is shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// The tenant that it acts for.
    pub tenant: TenantName,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// When it ends; none: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// What it is for, in its maker's words.
    #[serde(default)]
    pub note: String,
}
