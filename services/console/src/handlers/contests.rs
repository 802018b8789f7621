//! The list of contests.

use axum::http::{HeaderMap, HeaderValue};
use client::Contest;
use futures::{StreamExt as _, stream};
use maud::Markup;

use crate::{
    error::PageError,
    page::{self, Listed},
    session::Caller,
};

/// Standings that are asked for at a time.
const AT_ONCE: usize = 8;

async fn read(caller: &Caller) -> Result<Vec<Listed>, PageError> {
    let contests = caller.client.contests().await?;
    let listed = |contest: Contest| async move {
        // A contest whose standings cannot be read is listed all the same.
        let standings = caller.client.standings(&contest.name, &[("top", "2")]).await.ok();
        Listed { contest, standings }
    };
    Ok(stream::iter(contests).map(listed).buffered(AT_ONCE).collect().await)
}

pub async fn page(caller: Caller) -> Result<Markup, PageError> {
    Ok(page::contests(&read(&caller).await?, caller.signed_in))
}

/// Only what changes, for the script.
pub async fn changes(caller: Caller) -> Result<(HeaderMap, Markup), PageError> {
    let list = read(&caller).await?;
    let headers = HeaderMap::from_iter([(super::PAUSE, HeaderValue::from_static("2000"))]);
    Ok((headers, page::contests_rows(&list)))
}
