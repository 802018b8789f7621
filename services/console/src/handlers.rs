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

use axum::http::{HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// For the script: how long to wait before it asks again.
const PAUSE: HeaderName = HeaderName::from_static("x-marea-pause");
/// For the script: what to announce.
const SAID: HeaderName = HeaderName::from_static("x-marea-said");
/// For the script: what it has seen.
const VERSION: HeaderName = HeaderName::from_static("x-marea-version");

/// Any text as a header's value.
fn escaped(text: &str) -> HeaderValue {
    let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    HeaderValue::from_str(&text).expect("percent-encoded text is ASCII")
}
