//! Who looks: the token out of a cookie, and that a form was sent from our own page.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use client::Client;

use crate::{Page, page};

#[cfg(test)]
mod tests;

/// The cookie that holds the token.
const COOKIE: &str = "marea_token";
/// The cookie that holds the id, as it stands in addresses, of the ballot that was cast last.
const CAST: &str = "marea_cast";

/// A client that acts with the token of whoever looks.
pub struct Caller {
    /// The client.
    pub client: Client,
    /// Whether there is a token, and so a way to leave.
    pub signed_in: bool,
}

impl FromRequestParts<Page> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, page: &Page) -> Result<Self, Self::Rejection> {
        let token = token(&parts.headers);
        let signed_in = token.is_some();
        Ok(Self { client: page.client.with_token(token), signed_in })
    }
}

/// The token out of the request's cookies.
fn token(headers: &HeaderMap) -> Option<String> {
    value(headers, COOKIE)
}

/// The ballot that a form of this browser cast just now.
pub fn just_cast(headers: &HeaderMap) -> Option<String> {
    value(headers, CAST)
}

/// The cookie that says for a minute which ballot was cast: an address could say anything.
pub fn cast_cookie(id: &str, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{CAST}={id}; HttpOnly; SameSite=Strict; Path=/standings; Max-Age=60{secure}")).ok()
}

fn value(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == wanted && !value.is_empty()).map(|(_, value)| value.to_owned())
}

/// The cookie that keeps a token (`None`: that drops it): not for scripts, not from other sites.
/// `None` is answered where the text cannot be a token.
pub fn cookie(token: Option<&str>, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = match token {
        Some(token) if token.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.~".contains(&b)) => {
            format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000{secure}")
        }
        Some(_) => return None,
        None => format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0{secure}"),
    };
    HeaderValue::from_str(&text).ok()
}

/// Refuses what a foreign page sends: beside the cookie's SameSite a second lock, and the only one
/// where no token is needed.
pub async fn guard(State(_): State<Page>, request: Request, next: Next) -> Response {
    if *request.method() == Method::POST && is_foreign(request.headers()) {
        let markup = page::failure(403, "This form was sent from another site.", &[], false);
        return (StatusCode::FORBIDDEN, markup).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("not text"));
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    let origin = text(header::ORIGIN).map(|o| o.split_once("://").map_or(o, |(_, authority)| authority));
    origin.is_some_and(|origin| Some(origin) != text(header::HOST))
}
