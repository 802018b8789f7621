//! What the API server answers when it refuses: `Status` bodies.

use serde_json::{Value, json};

use crate::resource::Resource;

/// A refusal: HTTP status, reason, message, details.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Value,
}

/// One cause inside a refusal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl Cause {
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self { reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {detail}"), field: field.into() }
    }

    pub(crate) fn immutable(field: impl Into<String>, value: &Value) -> Self {
        Self::invalid(field, value, "field is immutable")
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {detail}"), field: field.into() }
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, allowed: &[&str]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|a| format!("{a:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { reason: "FieldValueDuplicate", message: format!("Duplicate value: {value}"), field: field.into() }
    }

    fn body(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl Failure {
    fn of(code: u16, reason: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self { code, reason, message: message.into(), details }
    }

    fn named(code: u16, reason: &'static str, message: impl Into<String>, resource: &Resource, name: &str) -> Self {
        let mut details = json!({"name": name, "kind": resource.plural});
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        Self::of(code, reason, message, details)
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::of(400, "BadRequest", message, Value::Null)
    }

    /// 404 of an object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::named(404, "NotFound", format!("{} {name:?} not found", resource.qualified()), resource, name)
    }

    /// 404 of a path.
    pub(crate) fn no_such_path() -> Self {
        Self::of(404, "NotFound", "the server could not find the requested resource", json!({}))
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::of(405, "MethodNotAllowed", message, json!({}))
    }

    /// 409 of a POST of an object that exists.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::named(409, "AlreadyExists", format!("{} {name:?} already exists", resource.qualified()), resource, name)
    }

    /// 409 of an object that is not as the request expected.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::named(409, "Conflict", message, resource, name)
    }

    /// 409 of an apply against other managers.
    pub(crate) fn managers(message: String, causes: &[Cause]) -> Self {
        let causes: Vec<Value> = causes.iter().map(Cause::body).collect();
        Self::of(409, "Conflict", message, json!({"causes": causes}))
    }

    /// 403.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", resource.qualified());
        Self::named(403, "Forbidden", message, resource, name)
    }

    /// 422.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let mut texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        texts.dedup();
        let list = if texts.len() == 1 { texts[0].clone() } else { format!("[{}]", texts.join(", ")) };
        let message = format!("{} {name:?} is invalid: {list}", resource.qualified_kind());
        let mut failure = Self::named(422, "Invalid", message, resource, name);
        failure.details["kind"] = resource.kind.into();
        failure.details["causes"] = causes.iter().map(Cause::body).collect();
        failure
    }

    /// 410 of a resource version that is too old.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::of(410, "Expired", message, Value::Null)
    }

    /// 415.
    pub(crate) fn unsupported_media(message: impl Into<String>) -> Self {
        Self::of(415, "UnsupportedMediaType", message, json!({}))
    }

    /// 500 with the reason left out, as the API server answers to what it did not expect.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::of(500, "", message, Value::Null)
    }

    /// 501: what the sandbox does not simulate.
    pub(crate) fn not_simulated(what: &str) -> Self {
        let message = format!("simulated cluster: {what} is not simulated; try a real one (--kube-context)");
        Self::of(501, "NotImplemented", message, Value::Null)
    }

    /// The body.
    pub(crate) fn status(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        body
    }
}
