//! Defaulting and additions: from a checked object to what is applied.

use std::collections::BTreeMap;

use domain::{TaskId, Tenant, access::Policy};
use serde_json::{Map, Value, json};

use crate::{
    object::Object,
    policy::{Missing, Pod, annotations, is_dropped_annotation},
    report::Report,
    shape,
};

/// What was added, for a person: each addition and the objects that got it.
#[derive(Debug, Default)]
pub struct Added {
    lines: Vec<String>,
    shared: BTreeMap<String, Vec<String>>,
}

impl Added {
    /// A line of its own.
    pub fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    fn share(&mut self, what: &str, object: &str) {
        self.shared.entry(what.to_owned()).or_default().push(object.to_owned());
    }

    /// The lines: autoscalers first, then what several objects got.
    pub fn finish(self) -> Vec<String> {
        let shared = self.shared.into_iter().map(|(what, objects)| format!("{what}: {}", objects.join(", ")));
        self.lines.into_iter().chain(shared).collect()
    }
}

/// What holds for all objects of a rendering.
pub struct Context<'c> {
    /// The tenant.
    pub tenant: &'c Tenant,
    /// The task.
    pub task: TaskId,
    /// Whether what is missing is defaulted; labels and namespace are always added.
    pub defaults: bool,
}

impl Context<'_> {
    /// The labels that every object and pod template gets. Nothing in them varies by revision,
    /// so that an unchanged object stays a no-op.
    pub fn labels(&self) -> [(&'static str, String); 2] {
        [(annotations::TASK, self.task.to_string()), (annotations::TENANT, self.tenant.name.to_string())]
    }

    /// The object as it is applied.
    pub fn complete(&self, object: &Object, added: &mut Added, report: &mut Report) -> Value {
        let mut value = shape::to_json(&object.node, object.kind.shape());
        let metadata = child(&mut value, "metadata");
        metadata.insert("namespace".into(), object.namespace(self.tenant).into());
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.retain(|key, _| !is_dropped_annotation(key));
        }
        self.label(metadata);
        if let Some(path) = object.kind.template {
            if !path.is_empty() {
                let template = path.iter().fold(&mut value, |v, key| &mut v[*key]);
                self.label(child(template, "metadata"));
            }
            if self.defaults {
                let spec = path.iter().fold(&mut value, |v, key| &mut v[*key]);
                self.pod(object, child(spec, "spec"), added, report);
            }
        }
        value
    }

    fn label(&self, metadata: &mut Map<String, Value>) {
        let labels = object_at(metadata, "labels");
        for (key, value) in self.labels() {
            labels.insert(key.into(), value.into());
        }
    }

    fn pod(&self, object: &Object, spec: &mut Map<String, Value>, added: &mut Added, report: &mut Report) {
        let shown = format!("{}/{}", object.kind.kind, object.name());
        let requested = self.requests(spec);
        if !requested.is_empty() {
            added.share(&format!("requests of {requested}"), &shown);
        }
        let named = spec.get("serviceAccountName").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
        if !named && !spec.contains_key("automountServiceAccountToken") {
            spec.insert("automountServiceAccountToken".into(), false.into());
            added.share("automountServiceAccountToken: false", &shown);
        }
        if self.tenant.policy == Policy::Restricted
            && let Some(pod) = Pod::of(object)
        {
            restrict(&pod, spec, &shown, added, report);
        }
    }

    /// Sets requests where a container has neither request nor limit; says which.
    fn requests(&self, spec: &mut Map<String, Value>) -> String {
        let wanted = [("cpu", &self.tenant.default_requests.cpu), ("memory", &self.tenant.default_requests.memory)];
        let whole = spec.get("resources").cloned().unwrap_or_default();
        let wanted = wanted.into_iter().filter(|(name, amount)| !amount.is_empty() && !mentions(&whole, name));
        let mut set = Vec::new();
        for (name, amount) in wanted {
            let before = set.len();
            for container in containers_mut(spec) {
                let resources = object_at(container, "resources");
                if mentions(&Value::Object(resources.clone()), name) {
                    continue;
                }
                object_at(resources, "requests").insert(name.into(), amount.as_str().into());
                set.push(name);
            }
            set.truncate(before + 1);
        }
        let words = |name: &str| match name {
            "cpu" => format!("{} CPU", self.tenant.default_requests.cpu),
            _ => format!("{} memory", self.tenant.default_requests.memory),
        };
        for container in containers_mut(spec) {
            if container.get("resources").and_then(Value::as_object).is_some_and(Map::is_empty) {
                container.remove("resources");
            }
        }
        set.into_iter().map(words).collect::<Vec<_>>().join(", ")
    }
}

fn mentions(resources: &Value, name: &str) -> bool {
    ["requests", "limits"].iter().any(|k| resources[*k].get(name).is_some())
}

fn containers_mut(spec: &mut Map<String, Value>) -> Vec<&mut Map<String, Value>> {
    let lists = spec.iter_mut().filter(|(key, _)| matches!(key.as_str(), "containers" | "initContainers"));
    lists.filter_map(|(_, list)| list.as_array_mut()).flatten().filter_map(Value::as_object_mut).collect()
}

fn child<'v>(value: &'v mut Value, key: &str) -> &'v mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    object_at(value.as_object_mut().expect("it was just made one"), key)
}

fn object_at<'v>(map: &'v mut Map<String, Value>, key: &str) -> &'v mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was just made one")
}

/// Adds what `restricted` wants and nobody said; touches nothing that is set.
fn restrict(pod: &Pod<'_>, spec: &mut Map<String, Value>, shown: &str, added: &mut Added, report: &mut Report) {
    let missing = Missing::of(pod);
    if missing.non_root {
        object_at(spec, "securityContext").insert("runAsNonRoot".into(), true.into());
        let message = "added runAsNonRoot: true (policy restricted): an image that runs as root will not start; \
            build it with a USER that is a number, or set runAsUser";
        report.warn(&pod.spec.absent("securityContext"), "defaulted", message);
        added.share("runAsNonRoot: true", shown);
    }
    if missing.seccomp {
        object_at(spec, "securityContext").insert("seccompProfile".into(), json!({"type": "RuntimeDefault"}));
        let message = "added seccompProfile: RuntimeDefault (policy restricted): unusual system calls fail; \
            set a Localhost profile where the program needs them";
        report.warn(&pod.spec.absent("securityContext"), "defaulted_seccomp", message);
        added.share("seccompProfile: RuntimeDefault", shown);
    }
    let mut i = 0;
    // In the order of `Pod::containers`.
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            restrict_container(pod, &missing, i, container, report);
            i += 1;
        }
    }
    if missing.escalation.iter().chain(&missing.drop_all).any(|m| *m) {
        added.share("no privilege escalation, no capabilities", shown);
    }
}

fn restrict_container(
    pod: &Pod<'_>,
    missing: &Missing,
    i: usize,
    container: &mut Map<String, Value>,
    report: &mut Report,
) {
    if !missing.escalation[i] && !missing.drop_all[i] {
        return;
    }
    let context = object_at(container, "securityContext");
    let field = &pod.containers[i];
    if missing.escalation[i] {
        context.insert("allowPrivilegeEscalation".into(), false.into());
        let message =
            "added allowPrivilegeEscalation: false (policy restricted): sudo and setuid programs will not work";
        report.warn(&field.absent("securityContext"), "defaulted_escalation", message);
    }
    if missing.drop_all[i] {
        object_at(context, "capabilities").insert("drop".into(), json!(["ALL"]));
        let message =
            "added capabilities: {drop: [ALL]} (policy restricted): to listen below port 1024 add NET_BIND_SERVICE";
        report.warn(&field.absent("securityContext"), "defaulted_capabilities", message);
    }
}
