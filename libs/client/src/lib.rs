//! A typed client of Marea's public HTTP interface, for the command line and the page.
//!
//! Only what anybody may call stands here: no broker, no store, no cluster. A request that may be
//! sent again (every read; every write, under an `Idempotency-Key`) is sent again after a 503 or a
//! lost connection, within [`Client::patient`]'s time.

mod admin;
mod contest;
mod error;
mod lines;
mod send;
mod tasks;
#[cfg(test)]
mod tests;
mod types;

use std::time::Duration;

pub use contest::{CastAnswer, Contest, LogPage, Rejected};
pub use error::{Error, Refusal};
pub use lines::Lines;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
pub use tasks::{PodLogs, Running, Upload};
pub use types::{Accepted, Change, DeadLetter, FieldChange, Form, NewToken, Plan, TaskPage};

/// How long a connection may take: a server that answers at all does so in less.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer, or its next part, may take: above the longest that the server holds a request open for.
const ANSWER: Duration = Duration::from_secs(60);
/// What a server's address looks like.
const EXPECTED: &str = "expected http://HOST[:PORT] or https://HOST[:PORT]";
/// What may stand in a path's segment unescaped.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A client of one server, with one caller's token. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
    patience: Duration,
}

impl Client {
    /// A client of the server at `base`, for example `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// Where `base` is no such address, or `token` holds what cannot stand in a header.
    pub fn new(base: &str, token: Option<String>) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Server { server: base.to_owned(), reason };
        let url = Url::parse(base).map_err(|e| match base.contains("://") {
            true => invalid(format!("{EXPECTED} ({e})")),
            false => invalid(format!("{EXPECTED}, perhaps http://{base}")),
        })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid(EXPECTED.to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(format!("{EXPECTED}, without `?` and `#`")));
        }
        if token.as_deref().is_some_and(|token| token.bytes().any(|b| !b.is_ascii_graphic())) {
            return Err(Error::Token);
        }
        Ok(Self { http: http(&url, Some(ANSWER))?, base: url, token, patience: Duration::ZERO })
    }

    /// The same client over connections of its own, on which the server may be silent for as long as it takes: that
    /// it is gone is told by TCP's keep-alive, which `reqwest` asks for.
    fn unhurried(&self) -> Result<Self, Error> {
        Ok(Self { http: http(&self.base, None)?, ..self.clone() })
    }

    /// The same client with another caller's token, over the same connections.
    #[must_use]
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { token, ..self.clone() }
    }

    /// The same client, which sends again for so long after a 503 or a lost connection.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The server's address, without a slash at its end.
    pub fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of a path of segments and a query. What a person gave as a segment may hold anything, but for
    /// what would lead to another path: nothing at all, `.` and `..`, which no escape keeps from being resolved.
    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, Error> {
        if let Some(name) = segments.iter().find(|s| matches!(**s, "" | "." | "..")) {
            return Err(Error::Name { name: (*name).to_owned() });
        }
        let mut url = self.base.clone();
        let prefix = self.base.path().trim_end_matches('/');
        let path = segments.iter().map(|s| format!("/{}", utf8_percent_encode(s, SEGMENT))).collect::<String>();
        url.set_path(&format!("{prefix}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

/// One HTTP client a process would do; one a [`Client`] keeps the types simple. `silence`: how long the server may say
/// nothing.
fn http(url: &Url, silence: Option<Duration>) -> Result<reqwest::Client, Error> {
    // Err: another part of this process installed its provider, which is the same one.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("marea/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(silence) = silence {
        builder = builder.read_timeout(silence);
    }
    // A proxy from the environment cannot reach this computer's own loopback.
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| Error::Server { server: url.to_string(), reason: error::chain(&e) })
}
