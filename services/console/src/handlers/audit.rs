//! A contest's audit.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue},
};
use jiff::Timestamp;
use maud::Markup;

use crate::{error::PageError, page, session::Caller};

pub async fn page(caller: Caller, Path(name): Path<String>) -> Result<Markup, PageError> {
    let audit = caller.client.audit(&name).await?;
    Ok(page::audit(&audit, Timestamp::now(), caller.signed_in))
}

/// Only what changes, for the script.
pub async fn changes(caller: Caller, Path(name): Path<String>) -> Result<(HeaderMap, Markup), PageError> {
    let audit = caller.client.audit(&name).await?;
    let headers = HeaderMap::from_iter([(super::PAUSE, HeaderValue::from_static("2000"))]);
    Ok((headers, page::audit_live(&audit, Timestamp::now())))
}
