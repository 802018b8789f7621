//! From a filled queue to the log and the counters.

mod embedded;
mod mongo;
mod redis;

use anyhow::Result;

use crate::report::Row;

/// Over embedded parts, in Redis alone, and over real servers with MongoDB's stand-in.
pub async fn measure(seconds: u32) -> Result<Vec<Row>> {
    let mut rows = vec![embedded::measure(seconds).await?, redis::measure(seconds).await?];
    rows.extend(mongo::measure(seconds).await?);
    Ok(rows)
}
