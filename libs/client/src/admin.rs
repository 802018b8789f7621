//! Tenants, tokens, dead letters, and what a server says of itself.

use std::time::Duration;

use domain::{
    Tenant,
    access::{Scope, Token},
};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Client, DeadLetter, Error, NewToken, error::chain};

/// How long a probe waits.
const PROBE: Duration = Duration::from_secs(3);

/// A list as the server sends it: an array, or an object with one.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum List<T> {
    Bare(Vec<T>),
    #[serde(rename_all = "snake_case")]
    Wrapped {
        #[serde(alias = "tenants", alias = "tokens", alias = "dead_letters")]
        items: Vec<T>,
    },
}

impl<T> From<List<T>> for Vec<T> {
    fn from(list: List<T>) -> Self {
        match list {
            List::Bare(items) | List::Wrapped { items } => items,
        }
    }
}

impl Client {
    async fn get_list<T: DeserializeOwned>(&self, url: Url) -> Result<Vec<T>, Error> {
        self.get_json::<List<T>>(url).await.map(Vec::from)
    }

    async fn done(&self, method: Method, url: Url) -> Result<(), Error> {
        self.send(&method, &url, |r| r).await.map(drop)
    }

    /// Every tenant.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        self.get_list(self.url(&["tenants"], &[])?).await
    }

    /// One tenant.
    pub async fn tenant(&self, name: &str) -> Result<Tenant, Error> {
        self.get_json(self.url(&["tenants", name], &[])?).await
    }

    /// Makes or changes a tenant.
    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        let url = self.url(&["tenants", tenant.name.as_str()], &[])?;
        self.send(&Method::PUT, &url, |r| r.json(tenant)).await.map(drop)
    }

    /// Deletes a tenant; its tasks must be rolled back.
    pub async fn delete_tenant(&self, name: &str) -> Result<(), Error> {
        self.done(Method::DELETE, self.url(&["tenants", name], &[])?).await
    }

    /// Tokens, of one tenant or of all.
    pub async fn tokens(&self, tenant: Option<&str>) -> Result<Vec<Token>, Error> {
        let query: Vec<(&str, &str)> = tenant.map(|t| ("tenant", t)).into_iter().collect();
        self.get_list(self.url(&["tokens"], &query)?).await
    }

    /// Makes a token. Not sent again: each makes another one.
    pub async fn create_token(
        &self,
        tenant: &str,
        scopes: &[Scope],
        expires: Option<&str>,
        note: &str,
    ) -> Result<NewToken, Error> {
        let body = json!({ "tenant": tenant, "scopes": scopes, "expires": expires, "note": note });
        let client = self.clone().patient(Duration::ZERO);
        client.json(Method::POST, self.url(&["tokens"], &[])?, |r| r.json(&body)).await
    }

    /// Revokes a token, by its public id.
    pub async fn revoke_token(&self, id: &str) -> Result<(), Error> {
        self.done(Method::DELETE, self.url(&["tokens", id], &[])?).await
    }

    /// Dead letters, oldest first.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.get_list(self.url(&["dead-letters"], &[("limit", &limit.to_string())])?).await
    }

    /// Puts a dead letter back into its queue.
    pub async fn requeue_dead_letter(&self, id: &str) -> Result<(), Error> {
        self.done(Method::POST, self.url(&["dead-letters", id, "requeue"], &[])?).await
    }

    /// Drops a dead letter for good.
    pub async fn drop_dead_letter(&self, id: &str) -> Result<(), Error> {
        self.done(Method::DELETE, self.url(&["dead-letters", id], &[])?).await
    }

    /// What the server says of its readiness: whether it is ready, and its own words.
    pub async fn readiness(&self) -> Result<(bool, String), Error> {
        let request = self.http.get(self.url(&["readyz"], &[])?).timeout(PROBE);
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let ready = response.status().is_success();
        let text = response.text().await.map_err(|e| self.unreachable(&e))?;
        Ok((ready, text))
    }

    /// The server's OpenAPI document.
    pub async fn openapi(&self) -> Result<Value, Error> {
        let url = self.url(&["openapi.json"], &[])?;
        let response = self.http.get(url).timeout(PROBE).send().await.map_err(|e| self.unreachable(&e))?;
        response.json().await.map_err(|e| Error::Unexpected { path: "/openapi.json".to_owned(), reason: chain(&e) })
    }
}
