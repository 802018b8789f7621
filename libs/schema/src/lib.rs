//! The shapes of the Kubernetes kinds that Marea speaks, of release 1.35.4: fields,
//! scalar types, required fields, defaults, and how lists and maps merge.
//!
//! `kubernetes.json` is cut from Kubernetes' own OpenAPI documents by `extract.py`;
//! nothing in it is written by hand. [`values`] adds what these documents leave out.
//! `manifests` checks objects against it, the
//! sandbox merges by it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

pub mod kinds;
#[cfg(test)]
mod tests;
pub mod values;

/// The Kubernetes release that the shapes were cut from.
pub const RELEASE: &str = "1.35.4";

/// One named type, for example `io.k8s.api.apps.v1.Deployment`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Type {
    /// Its fields by name.
    pub fields: BTreeMap<String, Shape>,
    /// Fields that must be present.
    #[serde(default)]
    pub required: Vec<String>,
    /// Merged as one value: owned and replaced as a whole.
    #[serde(default)]
    pub atomic: bool,
    /// Group, version and kind, where the type is a kind of its own.
    pub kind: Option<Kind>,
    /// Fields of which one only may stand.
    #[serde(skip)]
    pub union: Option<Union>,
}

/// Fields of a [`Type`] of which one only may stand.
#[derive(Debug, PartialEq, Eq)]
pub struct Union {
    /// The fields.
    pub fields: Vec<String>,
    /// Whether one of them must.
    pub required: bool,
}

/// The least and the most that a number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Range {
    pub least: i64,
    pub most: i64,
}

/// Group, version and kind of a [`Type`]. The core group is the empty string.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are Kubernetes' own terms")]
pub struct Kind {
    pub group: String,
    pub version: String,
    pub kind: String,
}

/// What a field, list item or map value holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Scalar or container; absent where `reference` names a [`Type`].
    #[serde(rename = "type")]
    pub primitive: Option<Primitive>,
    /// The name of the [`Type`] that it holds.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Of a list: the shape of its items.
    pub items: Option<Box<Shape>>,
    /// Of a map: the shape of its values.
    pub values: Option<Box<Shape>>,
    /// Of a list: how it merges.
    pub list: Option<ListType>,
    /// Of a [`ListType::Map`]: the fields that tell its items apart.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Merged as one value: owned and replaced as a whole.
    #[serde(default)]
    pub atomic: bool,
    /// The value that the API server sets where the field is absent.
    pub default: Option<Value>,
    /// The only values allowed; of a list, those of its items.
    #[serde(rename = "enum", default)]
    pub values_allowed: Vec<Value>,
    /// Of a number, or of a list's numbers: what they may be.
    #[serde(skip)]
    pub range: Option<Range>,
}

/// The scalars and containers of the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants are Kubernetes' own terms")]
pub enum Primitive {
    String,
    Boolean,
    Integer,
    Int32,
    Int64,
    Number,
    /// Base64 in JSON.
    Bytes,
    /// A string or a number, `resource.Quantity`.
    Quantity,
    /// RFC 3339.
    Time,
    IntOrString,
    List,
    Map,
    /// Any JSON value.
    Any,
}

/// How a list merges in a server-side apply (`x-kubernetes-list-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the variants are Kubernetes' own terms")]
pub enum ListType {
    Atomic,
    Set,
    Map,
}

static TYPES: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| {
    let mut types = serde_json::from_str(include_str!("kubernetes.json"))
        .expect("kubernetes.json is written by extract.py and read in this crate's tests");
    values::add(&mut types);
    types
});

/// The type of that name, for example `io.k8s.api.core.v1.PodSpec`.
pub fn named(name: &str) -> Option<&'static Type> {
    TYPES.get(name)
}

/// The type of a kind, by group (empty for the core group), version and kind.
pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Type> {
    static KINDS: LazyLock<BTreeMap<(&str, &str, &str), &Type>> = LazyLock::new(|| {
        let kinds = TYPES.values().filter_map(|t| t.kind.as_ref().map(|k| (k, t)));
        kinds.map(|(k, t)| ((&*k.group, &*k.version, &*k.kind), t)).collect()
    });
    KINDS.get(&(group, version, kind)).copied()
}

impl Shape {
    /// The named type that this shape holds, if it holds one.
    pub fn target(&self) -> Option<&'static Type> {
        self.reference.as_deref().and_then(named)
    }
}
