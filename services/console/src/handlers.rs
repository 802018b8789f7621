//! What answers each path: asks the interface, renders.

pub mod audit;
pub mod ballots;
pub mod confirm;
pub mod contest;
pub mod contests;
pub mod events;
pub mod list;
pub mod login;
pub mod standings;
pub mod task;
pub mod upload;
pub mod vote;

use std::{fmt::Display, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::sse::Event,
};
use maud::Markup;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// For the script: how long to wait before it asks again.
const PAUSE: HeaderName = HeaderName::from_static("x-marea-pause");
/// For the script: what to announce.
const SAID: HeaderName = HeaderName::from_static("x-marea-said");
/// For the script: what it has seen.
const VERSION: HeaderName = HeaderName::from_static("x-marea-version");

/// Between two events of a page: at most about three a second, however fast things change.
const BETWEEN: Duration = Duration::from_millis(300);

/// An event for the script: what the page shows now, and what is to be announced. Its id says what the browser has.
fn change(id: impl Display, html: &Markup, said: &str) -> Event {
    let change = json!({ "html": html.0, "said": said });
    Event::default().event("change").id(id.to_string()).data(change.to_string())
}

/// Any text as a header's value.
fn escaped(text: &str) -> HeaderValue {
    let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    HeaderValue::from_str(&text).expect("percent-encoded text is ASCII")
}
