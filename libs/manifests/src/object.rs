//! From documents to objects: lists are flattened, kinds are judged.

use domain::{Problem, Tenant};
use schema::kinds::AllowedKind;

use crate::{
    field::Field,
    kinds::{self, Verdict},
    node::{Data, Entry, Node},
    report::Report,
    yaml::Document,
};

/// One object of an allowed kind, as it was sent.
#[derive(Debug)]
pub struct Object {
    /// Its kind.
    pub kind: &'static AllowedKind,
    /// Its tree.
    pub node: Node,
    /// The place of its file among the files.
    pub file: usize,
    /// The place of its document in the file.
    pub document: u32,
}

impl Object {
    /// The whole object as a field.
    pub fn root(&self) -> Field<'_> {
        Field::root(&self.node)
    }

    /// Its name; empty where it has none.
    pub fn name(&self) -> &str {
        name(&self.node)
    }

    /// Its namespace: its own, or the tenant's default one.
    pub fn namespace<'o>(&'o self, tenant: &'o Tenant) -> &'o str {
        let own = self.node.entry("metadata").and_then(|m| m.value.entry("namespace")).and_then(|n| n.value.text());
        own.filter(|n| !n.is_empty()).unwrap_or_else(|| tenant.default_namespace())
    }

    /// Every `metadata` in it: its own, its template's, its job template's, its claims'.
    pub fn metadata(&self) -> Vec<Field<'_>> {
        let root = self.root();
        let mut all = vec![root.get("metadata")];
        if self.kind.template.is_some_and(|path| !path.is_empty()) {
            all.push(self.template().and_then(|t| t.get("metadata")));
            all.push(root.walk(&["spec", "jobTemplate", "metadata"]));
        }
        let claims = root.get("spec").map(|s| s.list("volumeClaimTemplates")).unwrap_or_default();
        all.extend(claims.iter().map(|c| c.get("metadata")));
        all.into_iter().flatten().collect()
    }

    /// Its pod's spec.
    pub fn pod_spec(&self) -> Option<Field<'_>> {
        self.template()?.get("spec")
    }

    /// Its pod's template: the place of a PodTemplateSpec's `metadata` and `spec`; a Pod's own.
    pub fn template(&self) -> Option<Field<'_>> {
        self.root().walk(self.kind.template?)
    }
}

fn name(node: &Node) -> &str {
    let name = node.entry("metadata").and_then(|m| m.value.entry("name")).and_then(|n| n.value.text());
    name.unwrap_or_default()
}

/// The items of a document: itself, or what its `List` holds, at any depth.
pub fn flatten(root: Node, report: &mut Report) -> Vec<Node> {
    let mut items = Vec::new();
    open(root, &mut items, report);
    items
}

fn open(node: Node, items: &mut Vec<Node>, report: &mut Report) {
    if !is_list(&node) {
        return items.push(node);
    }
    let inherited = inherited(&node);
    let Data::Map(entries) = node.data else { return };
    for entry in entries {
        match (entry.key.as_str(), entry.value.data) {
            ("items", Data::List(inner)) => inner.into_iter().for_each(|mut item| {
                inherit(&mut item, &inherited);
                open(item, items, report);
            }),
            ("items", Data::Null) | ("apiVersion" | "kind" | "metadata", _) => {}
            ("items", _) => {
                let problem = Problem::error("wrong_type", "expected a list of objects").at("items");
                report.push(entry.at, problem.on("List"));
            }
            (key, _) => {
                let problem = Problem::error("unknown_field", "a List has no such field; remove it").at(key);
                report.push(entry.at, problem);
            }
        }
    }
}

fn is_list(node: &Node) -> bool {
    let kind = node.entry("kind").and_then(|e| e.value.text()).unwrap_or_default();
    kind == "List" || (kind.ends_with("List") && node.entry("items").is_some())
}

/// What a typed list (`DeploymentList`) says for its items, which need not repeat it.
fn inherited(list: &Node) -> Vec<Entry> {
    let kind = list.entry("kind").and_then(|e| e.value.text()).and_then(|k| k.strip_suffix("List"));
    let (Some(kind), Some(version)) = (kind.filter(|k| !k.is_empty()), list.entry("apiVersion")) else { return vec![] };
    let mut named = list.entry("kind").cloned().expect("a list has a kind");
    named.value.data = Data::String(kind.to_owned());
    vec![version.clone(), named]
}

fn inherit(item: &mut Node, inherited: &[Entry]) {
    for entry in inherited.iter().filter(|e| item.entry(&e.key).is_none()).cloned().collect::<Vec<_>>() {
        if let Data::Map(entries) = &mut item.data {
            entries.push(entry);
        }
    }
}

/// The objects of a document that are of an allowed kind; the others are reported.
pub fn objects(file: usize, document: Document, tenant: &Tenant, report: &mut Report) -> Vec<Object> {
    let index = document.index;
    let mut found = Vec::new();
    for node in flatten(document.root, report) {
        report.leave_object();
        if let Some(kind) = judge(&node, tenant, report) {
            found.push(Object { kind, node, file, document: index });
        }
    }
    report.leave_object();
    found
}

fn judge(node: &Node, tenant: &Tenant, report: &mut Report) -> Option<&'static AllowedKind> {
    let root = Field::root(node);
    if !matches!(node.data, Data::Map(_)) {
        let message = format!("expected an object (a map with apiVersion, kind and metadata), found {}", node.what());
        report.push(node.at, Problem::error("not_an_object", message));
        return None;
    }
    let kind = text(&root, "kind", report);
    report.enter_object(kind.unwrap_or("object"), name(node));
    let api_version = text(&root, "apiVersion", report);
    match kinds::verdict(api_version?, kind?) {
        Verdict::Allowed(kind) => Some(kind),
        Verdict::Namespace => {
            namespace(&root, tenant, report);
            None
        }
        Verdict::Refused(code, message) => {
            let field = if code == "api_version" { "apiVersion" } else { "kind" };
            report.error(&root.get_or_absent(field), code, message);
            None
        }
    }
}

fn text<'n>(root: &Field<'n>, key: &'static str, report: &mut Report) -> Option<&'n str> {
    let field = root.get_or_absent(key);
    let found = root.text_of(key).filter(|t| !t.is_empty());
    if found.is_none() {
        let chart = key == "kind" && root.text_of("apiVersion").is_some() && root.get("version").is_some();
        let hint = if chart { "; this is a chart: send `helm template . | marea apply -f -`" } else { "" };
        report.error(&field, "missing_field", format!("every object needs `{key}`{hint}"));
    }
    found
}

/// A Namespace is the administrator's to make: one that the tenant owns is accepted, not applied.
fn namespace(root: &Field<'_>, tenant: &Tenant, report: &mut Report) {
    let name = name(root.node);
    let field = root.walk(&["metadata", "name"]).unwrap_or_else(|| root.absent("metadata"));
    if name.is_empty() {
        report.error(&field, "missing_field", "a Namespace needs metadata.name");
    } else if tenant.owns(name) {
        report.warn(&field, "namespace_not_applied", "the namespace is the tenant's already; it is not applied");
    } else {
        let message =
            format!("the namespace {} is not yours; {}", report.show(name), crate::policy::namespaces(tenant));
        report.error(&field, "foreign_namespace", message);
    }
}
