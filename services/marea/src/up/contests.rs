//! The contest line in this process: ingest before the router, tally behind the queues.

use std::{sync::Arc, time::Duration};

use axum::Router;
use bootstrap::Context;
use ingest::{Front, Ingest};
use messaging::{Bus, topology::GROUPS};
use tally::{Stores, Tally};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use super::settings::Settings;

/// How long ballots that were taken may take to be counted at the end; what is left is counted at the next start.
const COUNT_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at the queues at the end.
const LOOK: Duration = Duration::from_millis(20);

/// Both ends of the line.
pub struct Contests {
    ingest: Ingest,
    tally: Tally,
    counting: tally::Config,
    bus: Arc<dyn Bus>,
}

impl Contests {
    /// Reads the contests, and makes both ends ready.
    pub async fn start(context: &Context, settings: &Settings, stores: Stores) -> Self {
        let tally = Tally::new(context, stores, &settings.tally);
        tally.watch_readiness();
        let ingest = Ingest::start(context, &settings.ingest).await;
        Self { ingest, tally, counting: settings.tally.clone(), bus: context.bus.clone() }
    }

    /// The routes of both.
    pub fn routes(&self) -> OpenApiRouter {
        ingest::routes(&self.ingest).merge(tally::routes(&self.tally))
    }

    /// What answers on the port: ballots over HTTP and gRPC, and the router all else.
    pub fn front(&self, router: Router) -> Front {
        Front::new(self.ingest.clone(), router)
    }

    /// Takes ballots until `stop`. Once the last request is `served`, sees everything confirmed, and says so to `taken`.
    pub fn take(
        &self,
        stop: CancellationToken,
        served: CancellationToken,
        taken: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let ingest = self.ingest.clone();
        async move {
            ingest.keep(&stop).await;
            served.cancelled().await;
            ingest.finish().await;
            taken.cancel();
        }
    }

    /// Counts until all that was `taken` is counted.
    pub fn count(self, taken: CancellationToken) -> impl Future<Output = ()> {
        let Self { tally, counting, bus, .. } = self;
        let stop = CancellationToken::new();
        let ending = {
            let stop = stop.clone();
            async move {
                taken.cancelled().await;
                if tokio::time::timeout(COUNT_WITHIN, emptied(&*bus)).await.is_err() {
                    tracing::warn!("ballots are left in the queues; they are counted at the next start");
                }
                stop.cancel();
            }
        };
        async move {
            tokio::join!(tally::count(&tally, &counting, stop), ending);
        }
    }
}

/// Waits until no ballot waits to be counted.
async fn emptied(bus: &dyn Bus) {
    loop {
        let mut left = false;
        for group in GROUPS {
            left |= !bus.depth(group.name).await.is_ok_and(|depth| depth.ready + depth.unacknowledged == 0);
        }
        if !left {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
