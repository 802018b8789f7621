//! How fast `marea up` is ready, and what it takes when idle.

use std::time::Duration;

use anyhow::Result;

use crate::{
    report::{Row, percentile},
    up::Up,
};

/// Starts a measurement; the first one fills the page cache and is left out.
const STARTS: usize = 6;
/// After so long nothing of the start is going on any more.
const IDLE: Duration = Duration::from_secs(5);

/// Measures.
pub async fn measure() -> Result<Vec<Row>> {
    let mut seconds = vec![];
    let mut memory = 0.0;
    for number in 0..STARTS {
        let up = Up::start(&[]).await?;
        seconds.push(up.started_in.as_secs_f64());
        if number == STARTS - 1 {
            tokio::time::sleep(IDLE).await;
            memory = up.memory()?;
        }
    }
    let median = percentile(&mut seconds[1..], 50.0);
    Ok(vec![
        Row {
            what: "`marea up` until ready, new data folder, median of 5".into(),
            ours: format!("{median:.3} s"),
            bare: "–".into(),
            ratio: "–".into(),
            goal: "≤ 0.5 s",
            met: median <= 0.5,
        },
        Row {
            what: "`marea up` idle, resident".into(),
            ours: format!("{memory:.0} MiB"),
            bare: "–".into(),
            ratio: "–".into(),
            goal: "≤ 60 MB",
            met: memory <= 57.2,
        },
    ])
}
