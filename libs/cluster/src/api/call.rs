//! Calls as data: method, path, query, body. Pure.

use http::{Method, Request, header};
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schema::kinds::AllowedKind;
use serde_json::{Value, json};

/// What of an object is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    Object,
    /// Only its metadata (`PartialObjectMetadata`).
    Metadata,
    /// Only the metadata of a list's items.
    MetadataList,
}

impl Accept {
    fn header(self) -> &'static str {
        match self {
            Self::Object => "application/json",
            Self::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Self::MetadataList => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        }
    }
}

/// One request. Built once, sent as often as it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    method: Method,
    uri: String,
    accept: Accept,
    content: &'static str,
    body: Vec<u8>,
    careful: bool,
}

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a kind's objects in a namespace.
pub(crate) fn collection(kind: &AllowedKind, namespace: &str) -> String {
    format!("{}/namespaces/{namespace}/{}", root(kind), kind.plural)
}

/// The path of one object.
pub(crate) fn item(kind: &AllowedKind, namespace: &str, name: &str) -> String {
    format!("{}/{name}", collection(kind, namespace))
}

/// The path of a kind's objects in all namespaces.
pub(crate) fn everywhere(kind: &AllowedKind) -> String {
    format!("{}/{}", root(kind), kind.plural)
}

fn root(kind: &AllowedKind) -> String {
    match kind.group {
        "" => format!("/api/{}", kind.version),
        group => format!("/apis/{group}/{}", kind.version),
    }
}

fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let encoded = query.iter().map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, QUERY)));
    match encoded.collect::<Vec<_>>().join("&") {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

impl Call {
    /// Reads an object or a list.
    pub(crate) fn get(path: &str, query: &[(&str, &str)], accept: Accept) -> Self {
        Self { method: Method::GET, uri: with_query(path, query), accept, content: "", body: vec![], careful: false }
    }

    /// Server-side apply. Unknown and duplicate fields are refused.
    pub(crate) fn apply(path: &str, manager: &str, force: bool, dry_run: bool, object: &Value) -> Self {
        let mut query = vec![("fieldManager", manager), ("fieldValidation", "Strict")];
        query.extend(force.then_some(("force", "true")));
        query.extend(dry_run.then_some(("dryRun", "All")));
        Self {
            method: Method::PATCH,
            uri: with_query(path, &query),
            accept: Accept::Object,
            content: "application/apply-patch+yaml",
            body: object.to_string().into_bytes(),
            careful: false,
        }
    }

    /// Creates an object.
    pub(crate) fn create(path: &str, manager: &str, object: &Value) -> Self {
        Self {
            method: Method::POST,
            uri: with_query(path, &[("fieldManager", manager)]),
            accept: Accept::Object,
            content: "application/json",
            body: object.to_string().into_bytes(),
            careful: false,
        }
    }

    /// Deletes that very object, by its uid.
    pub(crate) fn delete(path: &str, uid: &str, propagation: &str) -> Self {
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": {"uid": uid}, "propagationPolicy": propagation,
        });
        Self {
            method: Method::DELETE,
            uri: path.to_owned(),
            accept: Accept::Object,
            content: "application/json",
            body: options.to_string().into_bytes(),
            careful: false,
        }
    }

    /// The same call, not sent again once it may have had an effect.
    #[must_use]
    pub(crate) fn careful(self, careful: bool) -> Self {
        Self { careful, ..self }
    }

    pub(crate) fn is_careful(&self) -> bool {
        self.careful
    }

    /// The request; its URI has no host, the client adds it.
    pub(crate) fn request(&self) -> Request<Body> {
        let mut request =
            Request::builder().method(&self.method).uri(&self.uri).header(header::ACCEPT, self.accept.header());
        if !self.content.is_empty() {
            request = request.header(header::CONTENT_TYPE, self.content);
        }
        request.body(Body::from(self.body.clone())).expect("paths hold DNS names, queries are percent-encoded")
    }

    /// The verb, for metrics.
    pub(crate) fn verb(&self) -> &'static str {
        match self.method {
            Method::GET => "get",
            Method::PATCH => "apply",
            Method::POST => "create",
            _ => "delete",
        }
    }
}

/// The text inside a `Warning` header: `299 - "text"`.
pub(super) fn warning_text(header: &str) -> String {
    let quoted = header.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"'));
    quoted.map_or(header, |(text, _)| text).replace("\\\"", "\"")
}
