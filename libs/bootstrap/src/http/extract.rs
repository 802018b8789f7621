//! Extractors that refuse what they do not know, and answer problem+json.

use std::error::Error;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use domain::{Problem, limits};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::{BodyError, HttpError};

/// Bytes of a JSON body: tenants and tokens are small.
const JSON_BYTES: usize = 64 << 10;

/// The query, all of it: `T` should deny unknown fields.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let message = cause(&rejection);
                let named = pairs.filter(|name| !name.is_empty()).find(|name| message.contains(*name));
                Err(HttpError::parameter(named.unwrap_or("query"), plain(message)))
            }
        }
    }
}

/// What takes no parameters: `Query(Nothing {})` refuses any.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The path's parameters; one that cannot be read is a 404, for no such thing exists.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|p| Self(p.0)).map_err(|e| HttpError::not_found(format!("no such resource: {}", e.body_text())))
    }
}

/// A JSON body of at most 64 KiB.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        if !has_media_type(request.headers(), &["application/json"]) {
            let detail = "expected `Content-Type: application/json`";
            return Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
        }
        let body = read_body(request).await?;
        if body.len() > JSON_BYTES {
            return Err(too_large(JSON_BYTES));
        }
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
            let problem = Problem::error("invalid_json", e.inner().to_string()).at(e.path().to_string());
            HttpError::bad_request("invalid-json", format!("the body is not valid: {e}")).with(vec![problem])
        })?;
        let ended = reader.end().map(|()| Self(value));
        ended.map_err(|e| HttpError::bad_request("invalid-json", format!("the body is not valid: {e}")))
    }
}

/// Whether the request's media type is one of these, parameters aside.
pub fn has_media_type(headers: &HeaderMap, types: &[&str]) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    types.iter().any(|t| t.eq_ignore_ascii_case(essence))
}

/// Whether the caller asks for this media type.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|accept| accept.contains(media_type))
}

/// Reads a request's body: 413, 408 or 503 where a bound was met.
pub async fn read_body(request: Request) -> Result<Bytes, HttpError> {
    let read = request.into_body().collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| match find(&error) {
        Some(BodyError::TooLarge(bytes)) => too_large(bytes),
        Some(BodyError::TooSlow) => {
            HttpError::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "the body came too slowly; send it again")
        }
        Some(BodyError::Overloaded) => HttpError::unavailable("too many bodies are being read; try again"),
        None => HttpError::bad_request("incomplete-body", "the body ended early or is not framed as its headers say"),
    })
}

pub(super) fn too_large(bytes: usize) -> HttpError {
    let detail = format!("the body is larger than {bytes} bytes");
    let problem = Problem::error("too_large", format!("{detail}; a task holds at most {}", limits::BODY_BYTES));
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).with(vec![problem])
}

fn find(error: &(dyn Error + 'static)) -> Option<BodyError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<BodyError>() {
            return Some(*found);
        }
        next = error.source();
    }
    None
}

/// What the standard library says of a text that is no number, in words for whoever sent it.
fn plain(message: String) -> String {
    let whole = "expected a whole number, 0 or more";
    let known = [
        ("invalid digit found in string", whole),
        ("cannot parse integer from empty string", whole),
        ("number too large to fit in target type", "the number is too large"),
        ("number too small to fit in target type", "the number is too small"),
        ("provided string was not `true` or `false`", "expected true or false"),
    ];
    known.iter().fold(message, |message, (said, meant)| message.replace(said, meant))
}

/// The innermost error's words: the outer ones say only that a query could not be read.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
