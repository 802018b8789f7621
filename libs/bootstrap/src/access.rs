//! Bearer tokens → tenants → scopes. A token is `mrt_<id>_<secret>`; only the hash of its secret is kept.

mod cache;
mod caller;
mod token;

use std::{fmt, sync::Arc, time::Duration};

use blobs::Records;
use domain::{
    Tenant, TenantName,
    access::{Scope, Token},
};
use jiff::Timestamp;

use cache::Cache;
pub use caller::Caller;
pub use token::{TOKEN_HINT, is_token, issue};

use crate::{HttpError, Secret};

#[cfg(test)]
mod tests;

/// How long a token or tenant is believed without another look. Streams ask each second: a revocation holds after 10 s.
const REMEMBERED: Duration = Duration::from_secs(9);

/// Why a request's caller is not known.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No token, and one is needed.
    #[error("a token is needed: send `Authorization: Bearer mrt_…`")]
    Missing,
    /// Not a token that is known, or one that has ended.
    #[error("the token is not known or has ended")]
    Unknown,
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] blobs::Error),
}

impl From<AccessError> for HttpError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Records(error) => error.into(),
            refused => Self::new(axum::http::StatusCode::UNAUTHORIZED, "unauthorized", refused.to_string()),
        }
    }
}

/// Who may call. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    records: Records,
    /// Who a request without a token is.
    local: Option<Caller>,
    /// A token of the configuration, with the scope admin.
    admin: Option<Token>,
    tokens: Cache<String, Token>,
    tenants: Cache<TenantName, Tenant>,
}

impl Access {
    /// Every request needs a token. `admin`, if not empty, is one with the scope admin.
    pub fn tokens(records: Records, admin: &Secret) -> Self {
        Self::new(records, None, token::of_configuration(admin))
    }

    /// A request without a token is this tenant's, with every scope; one with a token is the token's.
    pub fn local(records: Records, tenant: Tenant) -> Self {
        let scopes = [Scope::Read, Scope::Write, Scope::Ballots, Scope::Admin].into();
        Self::new(records, Some(Caller { tenant: Arc::new(tenant), scopes, actor: "local".into() }), None)
    }

    fn new(records: Records, local: Option<Caller>, admin: Option<Token>) -> Self {
        let (tokens, tenants) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Self(Arc::new(Inner { records, local, admin, tokens, tenants }))
    }

    /// Whether requests without a token are answered.
    pub fn is_local(&self) -> bool {
        self.0.local.is_some()
    }

    /// Who calls with this value of `Authorization`.
    pub async fn caller(&self, authorization: Option<&str>) -> Result<Caller, AccessError> {
        let Some(header) = authorization else { return self.0.local.clone().ok_or(AccessError::Missing) };
        let (scheme, presented) = header.split_once(' ').ok_or(AccessError::Unknown)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AccessError::Unknown);
        }
        let (id, secret) = token::parse(presented.trim()).ok_or(AccessError::Unknown)?;
        let token = self.token(id).await?;
        let matches = token::verify(token.as_deref(), secret);
        let token = token.filter(|t| matches && t.expires.is_none_or(|e| Timestamp::now() < e));
        let token = token.ok_or(AccessError::Unknown)?;
        let tenant = self.tenant(&token.tenant).await?.ok_or(AccessError::Unknown)?;
        Ok(Caller { tenant, scopes: token.scopes.clone(), actor: token.id.clone() })
    }

    /// A tenant by name: the local one, or one of the records.
    pub async fn tenant(&self, name: &TenantName) -> Result<Option<Arc<Tenant>>, blobs::Error> {
        let own = self.0.local.iter().map(|c| &c.tenant).find(|t| t.name == *name);
        if let Some(tenant) = own {
            return Ok(Some(tenant.clone()));
        }
        if self.0.admin.as_ref().is_some_and(|a| a.tenant == *name) {
            return Ok(Some(Arc::new(token::platform_tenant())));
        }
        self.0.tenants.get(name, || self.0.records.tenant(name)).await
    }

    /// Forgets what is remembered, so that a change made by this process holds at once here.
    pub fn refresh(&self) {
        self.0.tokens.clear();
        self.0.tenants.clear();
    }

    async fn token(&self, id: &str) -> Result<Option<Arc<Token>>, blobs::Error> {
        match &self.0.admin {
            Some(admin) if admin.id == id => Ok(Some(Arc::new(admin.clone()))),
            _ => self.0.tokens.get(&id.to_owned(), || self.0.records.token(id)).await,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("local", &self.is_local()).finish_non_exhaustive()
    }
}
