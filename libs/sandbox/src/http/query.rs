//! The query of a URL.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let decode = |s: &str| percent_decode_str(&s.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")));
        Self(pairs.map(|(k, v)| (decode(k), decode(v))).collect())
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|v| matches!(v.as_str(), "true" | "1" | ""))
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|v| v.parse().ok())
    }
}
