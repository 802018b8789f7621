//! What the API says about itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    resource::{RESOURCES, Resource},
};

pub(super) fn version() -> Value {
    let (major, rest) = schema::RELEASE.split_once('.').expect("a release has a minor version");
    let minor = rest.split('.').next();
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{}+simulated", schema::RELEASE),
        "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "", "platform": "simulated",
    })
}

pub(super) fn versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn group_of(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

pub(super) fn groups() -> Value {
    let all: BTreeMap<&str, &str> = RESOURCES.iter().map(|r| (r.group, r.version)).collect();
    let groups: Vec<Value> = all.iter().filter(|(g, _)| !g.is_empty()).map(|(g, v)| group_of(g, v)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

pub(super) fn group(name: &str) -> Result<Value, Failure> {
    let found = RESOURCES.iter().find(|r| !name.is_empty() && r.group == name).ok_or_else(Failure::no_such_path)?;
    let mut group = group_of(found.group, found.version);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Ok(group)
}

pub(super) fn resources(group: &str, version: &str) -> Result<Value, Failure> {
    let of_group = || RESOURCES.iter().filter(|r| r.group == group && r.version == version);
    let Some(first) = of_group().next() else { return Err(Failure::no_such_path()) };
    let resources: Vec<Value> = of_group().flat_map(entries).collect();
    let version = first.api_version();
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}))
}

fn entries(resource: &Resource) -> Vec<Value> {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let (kind, namespaced) = (resource.kind, resource.namespaced);
    let mut entries = vec![json!({
        "name": resource.plural, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind,
        "verbs": verbs, "shortNames": resource.short,
    })];
    let mut sub = |there: bool, name: &str, kind: &str| {
        if there {
            let name = format!("{}/{name}", resource.plural);
            let verbs = ["get", "patch", "update"];
            entries.push(
                json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": verbs}),
            );
        }
    };
    sub(resource.status, "status", kind);
    sub(resource.scale, "scale", "Scale");
    entries
}
