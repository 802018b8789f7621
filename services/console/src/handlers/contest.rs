//! One contest's standings.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue},
};
use contests::Standings;
use maud::Markup;

use crate::{error::PageError, page, session::Caller};

/// What the page and its stream ask for: rows of each tally.
pub(super) const TOP: [(&str, &str); 1] = [("top", "20")];
/// Rows of the page of one tally: the most that the interface gives by number.
const WHOLE: &str = "10000";

/// What tells what is shown from what was shown before.
pub(super) fn mark(standings: &Standings) -> String {
    let mut hasher = DefaultHasher::new();
    page::contest_live(standings).into_string().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

pub async fn page(caller: Caller, Path(name): Path<String>) -> Result<Markup, PageError> {
    let standings = caller.client.standings(&name, &TOP).await?;
    Ok(page::contest(&standings, &mark(&standings), caller.signed_in))
}

/// Only what changes, for a script that gets no events.
pub async fn changes(caller: Caller, Path(name): Path<String>) -> Result<(HeaderMap, Markup), PageError> {
    let standings = caller.client.standings(&name, &TOP).await?;
    let headers = HeaderMap::from_iter([
        (super::PAUSE, HeaderValue::from_static("2000")),
        (super::VERSION, super::escaped(&mark(&standings))),
        (super::SAID, super::escaped(&page::contest_said(&standings))),
    ]);
    Ok((headers, page::contest_live(&standings)))
}

/// One tally as a whole.
pub async fn tally(caller: Caller, Path((name, tally)): Path<(String, String)>) -> Result<Markup, PageError> {
    let standings = caller.client.standings(&name, &[("tally", &tally), ("top", WHOLE)]).await?;
    Ok(page::tally(&standings, &tally, caller.signed_in))
}
