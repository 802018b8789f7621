//! What a tenant may do: refused fields, listed capabilities, the Pod Security Standards, RBAC.

use domain::{Tenant, access::Policy};

use crate::{object::Object, report::Report};

mod access;
pub mod annotations;
mod baseline;
mod capability;
mod metadata;
mod restricted;
mod security;

pub use metadata::is_dropped_annotation;
pub use restricted::Missing;
pub use security::Pod;

/// Checks an object against its tenant's rights. `complete`: nothing will be defaulted, so what
/// `restricted` wants must be there.
pub fn check(object: &Object, tenant: &Tenant, complete: bool, report: &mut Report) {
    metadata::check(object, tenant, report);
    capability::check(object, tenant, report);
    access::check(object, tenant, report);
    let Some(pod) = Pod::of(object) else { return };
    if tenant.policy != Policy::Privileged {
        baseline::check(&pod, report);
    }
    if tenant.policy == Policy::Restricted {
        restricted::check(&pod, complete, report);
    }
}

/// Where the tenant may write, in words.
pub fn namespaces(tenant: &Tenant) -> String {
    if tenant.every_namespace {
        return "use any but kube-*".to_owned();
    }
    match tenant.namespaces.as_slice() {
        [] => "the tenant has no namespace yet: ask the administrator for one".to_owned(),
        [one] => format!("use `{one}`, or leave the namespace out"),
        many => format!("use one of {}, or leave the namespace out", many.join(", ")),
    }
}
