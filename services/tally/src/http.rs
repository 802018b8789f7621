//! The routes.

pub mod admin;
pub mod contests;
pub mod log;
pub mod standings;

use std::sync::Arc;

use ::contests::{Definition, Gate};
use bootstrap::HttpError;

use crate::{Tally, board};

impl Tally {
    /// A contest's current definition and gate, or 404.
    async fn existing(&self, name: &str) -> Result<(Arc<Definition>, Gate), HttpError> {
        let found = self.current(name).await?;
        found.ok_or_else(|| {
            let shown: String = name.chars().take(40).collect();
            HttpError::not_found(format!("there is no contest `{shown}`; GET /contests lists all"))
        })
    }
}

/// Says what does not answer, and logs why.
fn unavailable(error: impl Into<board::Error>) -> HttpError {
    let error = error.into();
    tracing::warn!(%error, "a request failed on the ballots' stores");
    match error {
        board::Error::Ballots(_) => HttpError::unavailable("the ballots' log does not answer; try again"),
        board::Error::Tallies(_) => HttpError::unavailable("the counters do not answer; try again"),
    }
}
