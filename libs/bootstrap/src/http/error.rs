//! The one HTTP error type: RFC 9457 problem+json.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Problem, TaskId, limits};
use messaging::{BrokerError, PublishError};
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The body of every error, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// A stable name of the kind of error, `urn:marea:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status' own words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was expected and what to do.
    pub detail: String,
    /// The task that may have been stored, of `outcome-unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub id: Option<TaskId>,
    /// What is wrong, each with its place.
    pub errors: Vec<Problem>,
}

/// An error as it is answered. Made by the functions below; carries no internals.
#[derive(Debug)]
pub struct HttpError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<Problem>,
    id: Option<TaskId>,
}

impl HttpError {
    /// An error with a status, a stable kebab-case word, and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, code, detail: detail.into(), errors: vec![], id: None }))
    }

    /// 400: the request is malformed.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400: one parameter is not valid.
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        let problem = Problem::error("invalid_parameter", message).at(name);
        let detail = format!("the parameter `{name}` is not valid: {}", problem.message);
        Self::bad_request("invalid-parameter", detail).with(vec![problem])
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: what was sent is well formed and cannot be taken.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 503 with `Retry-After`: nothing was done, or it does not matter whether it was.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// The same error with what is wrong, cut to a bounded number.
    #[must_use]
    pub fn with(mut self, mut errors: Vec<Problem>) -> Self {
        errors.truncate(limits::PROBLEMS);
        self.0.errors = errors;
        self
    }

    /// The same error, about this task.
    #[must_use]
    pub fn about(mut self, id: TaskId) -> Self {
        self.0.id = Some(id);
        self
    }

    /// The stable kebab-case word.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What was expected and what to do.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let Parts { status, code, detail, errors, id } = *self.0;
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        let kind = format!("urn:marea:problem:{code}");
        let body = ProblemDetails { kind, title, status: status.as_u16(), detail, id, errors };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"marea\""));
        }
        response
    }
}

impl From<blobs::Error> for HttpError {
    fn from(error: blobs::Error) -> Self {
        tracing::warn!(error = %error, "a request failed on blob storage");
        Self::unavailable("blob storage does not answer; try again")
    }
}

impl From<state::Error> for HttpError {
    fn from(error: state::Error) -> Self {
        tracing::warn!(error = %error, "a request failed on the state store");
        Self::unavailable("the state store does not answer; try again")
    }
}

impl From<BrokerError> for HttpError {
    fn from(error: BrokerError) -> Self {
        tracing::warn!(error = %error, "a request failed on the broker");
        Self::unavailable("the broker does not answer; try again")
    }
}

impl From<PublishError> for HttpError {
    fn from(error: PublishError) -> Self {
        tracing::warn!(error = %error, "a publish was not confirmed");
        Self::unavailable("the broker does not confirm; try again")
    }
}
