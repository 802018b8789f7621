//! Paths of the API.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::discovery;
use crate::{
    failure::Failure,
    resource::{self, Resource},
    store::Key,
};

/// What a path means.
pub(super) enum Route {
    /// A document that does not change.
    Fixed(Value),
    /// A review of one's own rights, by its plural.
    Review(String),
    /// Objects.
    Object(Target),
}

/// The object, or objects, that a path means.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) resource: &'static Resource,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) subresource: String,
}

impl Target {
    pub(super) fn key(&self) -> Key {
        Key::new(self.resource, &self.namespace, &self.name)
    }
}

pub(super) fn parse(path: &str) -> Result<Route, Failure> {
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts[..] {
        ["version"] => Ok(Route::Fixed(discovery::version())),
        ["livez" | "readyz" | "healthz"] => Ok(Route::Fixed("ok".into())),
        ["api"] => Ok(Route::Fixed(discovery::versions())),
        ["apis"] => Ok(Route::Fixed(discovery::groups())),
        ["apis", group] => discovery::group(group).map(Route::Fixed),
        ["api", version] => discovery::resources("", version).map(Route::Fixed),
        ["apis", group, version] => discovery::resources(group, version).map(Route::Fixed),
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]
        | ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"] => Ok(Route::Review(parts[3].to_owned())),
        ["api", version, ref rest @ ..] => object("", version, rest),
        ["apis", group, version, ref rest @ ..] => object(group, version, rest),
        _ => Err(Failure::not_simulated(&format!("the path {path}"))),
    }
}

fn object(group: &str, version: &str, rest: &[&str]) -> Result<Route, Failure> {
    if let ["namespaces", namespace, plural, rest @ ..] = rest
        && let Some(resource) = resource::find(group, version, plural).filter(|r| r.namespaced)
    {
        return target(resource, namespace, rest);
    }
    let (plural, rest) = rest.split_first().expect("the shorter paths were taken before");
    match resource::find(group, version, plural) {
        // Objects of a namespace are only listed without it.
        Some(resource) if resource.namespaced && !rest.is_empty() => Err(Failure::no_such_path()),
        Some(resource) => target(resource, "", rest),
        None => {
            let what = rest.get(1).filter(|_| *plural == "namespaces").unwrap_or(plural);
            Err(Failure::not_simulated(&format!("the resource {what} of {group}/{version}")))
        }
    }
}

fn target(resource: &'static Resource, namespace: &str, rest: &[&str]) -> Result<Route, Failure> {
    let (name, subresource) = match rest {
        [] => ("", ""),
        [name] => (*name, ""),
        [name, subresource] => (*name, *subresource),
        _ => return Err(Failure::not_simulated("a subresource of a subresource")),
    };
    let missing = (subresource == "status" && !resource.status) || (subresource == "scale" && !resource.scale);
    if missing {
        return Err(Failure::no_such_path());
    }
    let (namespace, name, subresource) = (namespace.to_owned(), name.to_owned(), subresource.to_owned());
    Ok(Route::Object(Target { resource, namespace, name, subresource }))
}
