//! Takes ballots over HTTP and gRPC, checks them at the edge, and commits them in groups to the queue.
//!
//! Accepted means: a quorum of the broker has the ballot. Nothing is counted and nothing is stored here but the
//! definitions of contests; ingest's clock alone decides whether a contest is open.

mod catalogue;
mod commit;
mod contest;
mod gather;
mod grpc;
mod http;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bootstrap::{
    Context, Secret, app,
    http::{Limits, Server},
    listen,
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use http::Front;

use catalogue::Catalogue;
use commit::{Commit, Sizes};

/// The gRPC interface, generated from its description.
pub mod proto {
    #![expect(missing_docs, clippy::allow_attributes, reason = "generated")]
    tonic::include_proto!("marea.ingest.v1");
    /// The description, for reflection.
    pub const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ingest.bin"));
}

bootstrap::settings! {
    /// What ingest needs beyond the platform's settings.
    pub struct Config {
        /// Where it listens, HTTP and gRPC.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8084))),
        /// The folder of contests, one file each; read again when a file changes.
        contests: String = String::new(),
        /// Whether the sample contests `bands` and `olympics` take ballots.
        samples: bool = false,
        /// The key that drawn outcomes are made with, the same in every process; needed by contests that draw.
        draw_key: Secret = Secret::default(),
        /// Queues that votes are spread over, at most 32.
        votes_queues: usize = 4,
        /// Queues that each other kind of ballot is spread over, at most 32.
        other_queues: usize = 2,
        /// Slots of counters that batches are spread over.
        slots: u16 = 8,
        /// Batches of one route that may wait for their confirm at a time.
        batches_in_flight: usize = 2,
        /// Connections at a time; more wait to be accepted.
        connections: usize = 15_000,
    }
}

/// How long what was gathered may take to be confirmed at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes ballots. Cheap to clone.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    context: Context,
    commit: Arc<Commit>,
    catalogue: Catalogue,
    draw_key: Secret,
    requests: http::Requests,
}

impl Ingest {
    /// Makes its parts, and reads the contests once.
    pub async fn start(context: &Context, config: &Config) -> Self {
        let Config { votes_queues, other_queues, slots, batches_in_flight, .. } = *config;
        let sizes = Sizes { in_flight: batches_in_flight, votes_queues, other_queues, slots };
        let commit = Arc::new(Commit::new(context.bus.clone(), sizes));
        let folder = Some(PathBuf::from(&config.contests)).filter(|path| !path.as_os_str().is_empty());
        let draws = !config.draw_key.is_empty();
        let catalogue = Catalogue::new(context.records.clone(), commit.clone(), folder, config.samples, draws);
        catalogue.look().await;
        let context = context.clone();
        let (draw_key, requests) = (config.draw_key.clone(), http::Requests::default());
        let ingest = Self(Arc::new(Inner { context, commit, catalogue, draw_key, requests }));
        ingest.report_readiness();
        ingest
    }

    fn report_readiness(&self) {
        let readiness = &self.0.context.readiness;
        let inner = self.0.clone();
        readiness.add("contests", move || {
            let ready = inner.catalogue.ready();
            async move { ready }
        });
        let inner = self.0.clone();
        readiness.detail("contests", move || inner.catalogue.troubles());
        let inner = self.0.clone();
        readiness.add("confirms", move || {
            let overdue = inner.commit.flow.overdue();
            async move { if overdue == 0 { Ok(()) } else { Err(format!("{overdue} batches are not confirmed in time")) } }
        });
    }

    /// Looks after contests, gates and beats until `shutdown`.
    pub async fn keep(&self, shutdown: &CancellationToken) {
        self.0.catalogue.keep(shutdown).await;
    }

    /// After the last request: sees what gathered confirmed, and says that it was the last.
    pub async fn finish(&self) {
        if tokio::time::timeout(DRAIN, self.0.commit.drain()).await.is_err() {
            tracing::error!("the broker did not confirm the last ballots; whoever cast them was told");
            return;
        }
        self.0.catalogue.last_beats().await;
    }
}

/// The routes, for a server of this service's own or of a whole process; [`Front`] answers those of ballots itself.
pub fn routes(ingest: &Ingest) -> OpenApiRouter {
    http::routes(ingest)
}

/// Serves until `shutdown`, then drains.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let ingest = Ingest::start(&context, &config).await;
    let serving = async {
        let Some(address) = config.listen else {
            shutdown.cancelled().await;
            return anyhow::Ok(());
        };
        let listener = listen(&context, address).await?;
        let front = Front::new(ingest.clone(), app(&context, routes(&ingest)));
        let limits = Limits { connections: config.connections, drain: DRAIN, ..Limits::default() };
        Server { limits }.serve_service(listener, front, shutdown.clone()).await;
        Ok(())
    };
    let keeping = async {
        ingest.keep(&shutdown).await;
        Ok(())
    };
    tokio::try_join!(serving, keeping)?;
    ingest.finish().await;
    Ok(())
}
