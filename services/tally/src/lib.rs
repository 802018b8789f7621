//! Logs ballots, counts each once, and serves standings, log and audit.
//!
//! Log first, count second, acknowledge third: the log's unique keys decide what counts, the ledger's entry is frozen,
//! the counters are a cache of the ledger, and only then is a batch acknowledged. Every step may be repeated, by
//! anybody, at any time. Nothing here judges whether a contest was open: ingest's clock alone decides that.

mod audit;
mod board;
mod combiner;
mod definitions;
mod evidence;
mod feed;
mod generations;
mod hands;
mod http;
mod keys;
mod rebuild;
mod stores;
mod sweep;
#[cfg(test)]
mod tests;
mod verify;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use ballots::BallotLog;
use bootstrap::{Context, Secret, app, listen, serve};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use messaging::topology::GROUPS;
use state::tallies::Tallies;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use combiner::{Combiner, combiner};
pub use feed::{Delivered, Failure, Logged, Round};
pub use rebuild::Rebuilt;
pub use stores::ballots;
pub use verify::Verified;

bootstrap::settings! {
    /// What tally needs beyond the platform's settings.
    pub struct Config {
        /// Where it listens.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8085))),
        /// MongoDB: `mongodb://user:password@host:27017,host:27017/database?replicaSet=name`; no `mongodb+srv`.
        mongo: Secret = Secret::default(),
        /// Seconds between two sweeps over the ledger.
        sweep_seconds: u64 = 10,
        /// Seconds for which the counters must have held a batch before they are trusted to hold it for good: longer
        /// than any fail-over takes, and at least 10. Half of them a batch may take to be counted after the ledger was
        /// read, a minute at most; by the other half the clocks of tally and Redis may differ.
        settle_seconds: u64 = 120,
        /// Seconds after which a tally that says no more what it has in its hands has nothing in them: longer than a
        /// delivery may be with a consumer.
        gone_seconds: u64 = 75,
    }
}

/// How long an entry may be counted after it was read in the ledger as not settled yet, at most.
const COUNT_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The stores that only tally has.
#[derive(Clone)]
pub struct Stores {
    /// The log and the ledger.
    pub ballots: Arc<dyn BallotLog>,
    /// The counters.
    pub tallies: Arc<dyn Tallies>,
}

/// Everything that counts and answers. Cheap to clone.
#[derive(Clone)]
pub struct Tally(Arc<Inner>);

struct Inner {
    context: Context,
    stores: Stores,
    settle: Duration,
    hands: Arc<hands::Hands>,
    gathering: evidence::Gathering,
    definitions: definitions::Definitions,
    keys: keys::Keys,
    generations: generations::Generations,
    sweeps: sweep::Sweeps,
    rebuilds: rebuild::Rebuilds,
    boards: board::Boards,
    audits: audit::Audits,
    bodies: http::standings::Bodies,
    followed: http::standings::Followed,
}

impl Tally {
    /// Over these stores.
    pub fn new(context: &Context, stores: Stores, config: &Config) -> Self {
        Self(Arc::new(Inner {
            context: context.clone(),
            stores,
            settle: Duration::from_secs(config.settle_seconds),
            definitions: definitions::Definitions::default(),
            keys: keys::Keys::default(),
            generations: generations::Generations::default(),
            sweeps: sweep::Sweeps::default(),
            rebuilds: rebuild::Rebuilds::default(),
            boards: board::Boards::default(),
            hands: Arc::default(),
            gathering: evidence::Gathering::new(Duration::from_secs(config.gone_seconds)),
            audits: audit::Audits::default(),
            bodies: http::standings::Bodies::default(),
            followed: http::standings::Followed::default(),
        }))
    }

    /// Until when what is read in the ledger now as not settled may be counted.
    fn count_until(&self) -> Timestamp {
        Timestamp::now() + count_within(self.0.settle, COUNT_WITHIN)
    }

    fn context(&self) -> &Context {
        &self.0.context
    }

    fn ballots(&self) -> &dyn BallotLog {
        &*self.0.stores.ballots
    }

    fn tallies(&self) -> &dyn Tallies {
        &*self.0.stores.tallies
    }
}

/// How long what was read in the ledger as not settled may be counted: whoever was paused for longer reads it again, for
/// it may have been settled and forgotten meanwhile. It is forgotten `settle` after it was settled; half of that is left
/// for clocks that differ. (Where nothing needs to settle, as in tests, it is `most`.)
fn count_within(settle: Duration, most: SignedDuration) -> SignedDuration {
    let half = SignedDuration::try_from(settle / 2).unwrap_or(SignedDuration::MAX);
    if half.is_zero() { most } else { most.min(half) }
}

/// The routes, for a server of this service's own or of a whole process.
pub fn routes(tally: &Tally) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(http::contests::list))
        .routes(routes!(http::contests::show))
        .routes(routes!(http::standings::get))
        .routes(routes!(http::log::list))
        .routes(routes!(http::contests::audit))
        .routes(routes!(http::admin::verify))
        .routes(routes!(http::admin::rebuild))
        .with_state(tally.clone())
}

/// Connects to the stores that the settings name, counts and serves until `shutdown`, then drains.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let stores = tokio::select! {
        stores = stores::connect(&context, &config) => stores?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let tally = Tally::new(&context, stores, &config);
    tally.watch_readiness();
    let serving = async {
        let Some(address) = config.listen else { return anyhow::Ok(()) };
        let listener = listen(&context, address).await.with_context(|| format!("cannot listen on {address}"))?;
        serve(listener, app(&context, routes(&tally)), shutdown.clone()).await;
        Ok(())
    };
    let counting = async {
        count(&tally, &config, shutdown.clone()).await;
        Ok(())
    };
    // What ends first with an error ends both.
    tokio::try_join!(serving, counting).map(drop)
}

/// Consumes every group's queues and sweeps, until `shutdown`; then drains.
pub async fn count(tally: &Tally, config: &Config, shutdown: CancellationToken) {
    let (handlers, combining) = combiner(tally);
    let bus = &tally.0.context.bus;
    let consuming =
        GROUPS.iter().zip(handlers).map(|(group, handler)| bus.consume(group, Arc::new(handler), shutdown.clone()));
    let sweeping = sweep::run(tally.clone(), Duration::from_secs(config.sweep_seconds), shutdown.clone());
    let auditing = audit::run(tally.clone(), shutdown.clone());
    if !tally.enrol(&shutdown).await {
        return;
    }
    let over = CancellationToken::new();
    let working = async {
        tokio::join!(join_all(consuming.collect::<Vec<_>>()), combining, sweeping, auditing);
        over.cancel();
    };
    tokio::join!(working, tally.report(over.clone()));
}

impl Tally {
    /// Makes readiness ask log and counters too.
    pub fn watch_readiness(&self) {
        let (log, counters) = (self.0.stores.ballots.clone(), self.0.stores.tallies.clone());
        let readiness = &self.0.context.readiness;
        readiness.add("log", move || {
            let log = log.clone();
            async move { log.ready().await.map_err(|e| e.to_string()) }
        });
        readiness.add("tallies", move || {
            let counters = counters.clone();
            async move { counters.ready().await.map_err(|e| e.to_string()) }
        });
    }
}
