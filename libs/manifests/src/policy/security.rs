//! A pod as the Pod Security Standards see it: its spec, its annotations, all its containers.

use crate::{field::Field, object::Object, report::Report};

/// A pod, or the template of one.
pub struct Pod<'n> {
    /// Its spec.
    pub spec: Field<'n>,
    /// Its metadata.
    pub metadata: Option<Field<'n>>,
    /// Init, main and ephemeral containers.
    pub containers: Vec<Field<'n>>,
}

impl<'n> Pod<'n> {
    /// An object's pod, where it has one.
    pub fn of(object: &'n Object) -> Option<Self> {
        let template = object.template()?;
        let spec = template.get("spec")?;
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        let containers = lists.iter().flat_map(|l| spec.list(l)).collect();
        Some(Self { metadata: template.get("metadata"), spec, containers })
    }

    /// The security contexts that are set: the pod's and its containers'.
    pub fn contexts(&self) -> impl Iterator<Item = Field<'n>> + '_ {
        std::iter::once(&self.spec).chain(&self.containers).filter_map(|f| f.get("securityContext"))
    }

    /// A field of every security context where it is set.
    pub fn in_contexts<'p>(&'p self, path: &'p [&'p str]) -> impl Iterator<Item = Field<'n>> + 'p {
        self.contexts().filter_map(move |c| c.walk(path))
    }

    /// Whether it runs on Windows, where some controls mean nothing.
    pub fn is_windows(&self) -> bool {
        self.spec.walk(&["os", "name"]).and_then(|n| n.text()) == Some("windows")
    }

    /// Whether it has a user namespace of its own, which relaxes some controls since 1.35.
    pub fn has_own_users(&self) -> bool {
        self.spec.bool_of("hostUsers") == Some(false)
    }
}

/// A field that a policy refuses.
pub fn forbid(field: &Field<'_>, policy: &str, reason: &str, report: &mut Report) {
    report.error(field, "pod_security", format!("the policy {policy} refuses it: {reason}"));
}
