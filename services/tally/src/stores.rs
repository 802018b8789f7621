//! Log and counters as the settings name them.

use std::{sync::Arc, time::Duration};

use ballots::{
    BallotLog,
    mongo::{self, MongoBallots},
};
use bootstrap::{ConnectError, Context};

use crate::{Config, Stores};

/// Between two tries to reach MongoDB at start; a try itself takes seconds.
const PAUSE: Duration = Duration::from_secs(1);

/// The least `settle_seconds`: half of them must be enough to freeze and count a round.
const SETTLE: u64 = 10;

/// Waits for the servers for ever; an error is about the settings.
pub async fn connect(context: &Context, config: &Config) -> Result<Stores, ConnectError> {
    let tallies = bootstrap::tallies(&context.platform).await?;
    Ok(Stores { ballots: ballots(config).await?, tallies })
}

/// The log in the MongoDB that the settings name. Waits for it for ever; an error is about the settings.
///
/// # Errors
/// Where `mongo` is absent, or no such URL, or `settle_seconds` too few.
pub async fn ballots(config: &Config) -> Result<Arc<dyn BallotLog>, ConnectError> {
    if config.mongo.is_empty() {
        let example = "MAREA_MONGO=mongodb://host:27017/marea?replicaSet=name";
        return Err(ConnectError::Setting(format!("the setting `mongo` is needed, for example {example}")));
    }
    if config.settle_seconds < SETTLE {
        let why = "a batch that comes again could be counted twice";
        return Err(ConnectError::Setting(format!("the setting `settle_seconds`: expected at least {SETTLE}; {why}")));
    }
    let mut said = false;
    loop {
        match MongoBallots::connect(config.mongo.expose()).await {
            Ok(ballots) => return Ok(Arc::new(ballots)),
            Err(error @ mongo::ConnectError::Url) => {
                return Err(ConnectError::Setting(format!("the setting `mongo`: {error}")));
            }
            Err(mongo::ConnectError::Unreachable(reason)) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(reason, "mongodb cannot be reached; trying until it can");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
