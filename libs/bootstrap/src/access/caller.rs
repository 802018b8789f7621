//! Who makes a request.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};
use domain::{Problem, Tenant, access::Scope};

use super::Access;
use crate::{HttpError, http::single};

/// Who makes a request; an extractor that answers 401.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that is acted for.
    pub tenant: Arc<Tenant>,
    /// What the caller may do.
    pub scopes: BTreeSet<Scope>,
    /// A token's id, or `local`.
    pub actor: String,
}

impl Caller {
    /// Answers 403 unless the caller has that scope.
    pub fn may(&self, scope: Scope) -> Result<(), HttpError> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let word = serde_json::to_string(&scope).unwrap_or_default();
        let detail = format!("the token lacks the scope {word}; ask an administrator for one that has it");
        let problem = Problem::error("missing_scope", detail.clone());
        Err(HttpError::new(StatusCode::FORBIDDEN, "missing-scope", detail).with(vec![problem]))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let access = parts.extensions.get::<Access>().expect("every router is surrounded by `http::app`").clone();
        let header = single(&parts.headers, header::AUTHORIZATION.as_str())?;
        // What is not text is no token: it must not count as none at all.
        let header = header.map(|value| value.to_str().unwrap_or("not text"));
        Ok(access.caller(header).await?)
    }
}
