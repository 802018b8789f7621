//! Values that must not be seen.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

#[cfg(test)]
mod tests;

/// A password, a token, or a URL that may hold one. Printed masked, by `Debug` and by serde as well.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value itself: for the client that needs it, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

/// `scheme://user:***@host/path` for each URL of a comma-separated list, `***` for anything else.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains("://") {
            return f.write_str(if self.0.is_empty() { "" } else { "***" });
        }
        for (i, url) in self.0.split(',').enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(&masked(url))?;
        }
        Ok(())
    }
}

fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    // A query may hold keys.
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default()),
        None => format!("{scheme}://{rest}"),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
