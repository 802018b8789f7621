//! Who may ask from where, as far as headers tell: a web page must not be able to post manifests.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::Authority};

use super::HttpError;

#[cfg(test)]
mod tests;

/// What is checked of `Host` and `Origin` where a request needs no token.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Whether any `Host` will do (`--insecure`); else only names of this computer.
    pub any_host: bool,
    /// Origins whose pages may read, and cast ballots.
    pub cors_origins: Vec<String>,
}

impl Guard {
    /// Refuses a foreign `Host` (a name that somebody made resolve to this computer) or `Origin`.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), HttpError> {
        let host = host(uri, headers);
        if !self.any_host && !host.as_ref().is_some_and(|h| is_loopback(h.host())) {
            return Err(forbidden(
                "foreign-host",
                "without tokens only requests to this computer's own names are taken",
            ));
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").map(|(_, authority)| authority);
        let same = own.is_some() && own == host.as_ref().map(Authority::as_str);
        if same || (self.may_read(origin) && is_read(method)) {
            return Ok(());
        }
        Err(forbidden(
            "foreign-origin",
            "without tokens no other web page may call; `--cors-origin` lets one read, and cast ballots",
        ))
    }

    /// As [`Guard::check`], for what a page of a configured origin may do whatever the method: cast ballots.
    pub fn check_open(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HttpError> {
        self.check(&Method::GET, uri, headers)
    }

    /// Whether pages of this origin may read.
    pub fn may_read(&self, origin: &str) -> bool {
        self.cors_origins.iter().any(|o| o.trim_end_matches('/') == origin)
    }
}

/// A header that says one thing, if it is there.
///
/// # Errors
/// 400 where it is there twice: whoever stands before this server may have gone by the other one.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, HttpError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => {
            Err(HttpError::bad_request("repeated-header", format!("the header `{name}` is there twice; send one")))
        }
        (value, None) => Ok(value),
    }
}

/// Whether the client says that it knows this entity tag (`"…"`), after RFC 9110, section 13.1.2: in a list, weak or not.
pub fn knows_tag(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = values.flat_map(|value| value.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let header = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    uri.authority().cloned().or_else(|| header?.parse().ok())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn forbidden(code: &'static str, detail: &str) -> HttpError {
    HttpError::new(StatusCode::FORBIDDEN, code, detail)
}
