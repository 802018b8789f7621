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
mod pace;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

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
/// How long a start waits for the queues before it goes on without, not ready.
const PREPARE: Duration = Duration::from_secs(10);
/// Between two tries to make the queues.
const PREPARE_AGAIN: Duration = Duration::from_secs(1);
/// Calls at a time on one HTTP/2 connection: each may hold what has come of a message.
const STREAMS: u32 = 32;

impl Config {
    /// The bounds of the server that this service brings.
    pub fn limits(&self) -> Limits {
        Limits { connections: self.connections, drain: DRAIN, streams: STREAMS, ..Limits::default() }
    }
}

/// Takes ballots. Cheap to clone.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    context: Context,
    commit: Arc<Commit>,
    catalogue: Arc<Catalogue>,
    draw_key: Secret,
    requests: http::Requests,
    /// Whether the queues are there.
    prepared: Arc<AtomicBool>,
}

impl Ingest {
    /// Makes its parts and the queues, and reads the contests once.
    pub async fn start(context: &Context, config: &Config) -> Self {
        let Config { votes_queues, other_queues, slots, batches_in_flight, .. } = *config;
        let sizes = Sizes { in_flight: batches_in_flight, votes_queues, other_queues, slots };
        let commit = Arc::new(Commit::new(context.bus.clone(), sizes));
        let folder = Some(PathBuf::from(&config.contests)).filter(|path| !path.as_os_str().is_empty());
        let draws = !config.draw_key.is_empty();
        let catalogue = Catalogue::new(context.records.clone(), commit.clone(), folder, config.samples, draws);
        let catalogue = Arc::new(catalogue);
        let context = context.clone();
        let (draw_key, requests, prepared) = (config.draw_key.clone(), Default::default(), Default::default());
        let ingest = Self(Arc::new(Inner { context, commit, catalogue, draw_key, requests, prepared }));
        tokio::join!(ingest.0.catalogue.look(), tokio::time::timeout(PREPARE, ingest.prepare())).1.ok();
        ingest.report_readiness();
        ingest
    }

    /// Makes the queues: the first votes are not to wait for that.
    async fn prepare(&self) {
        while let Err(error) = self.0.commit.prepare().await {
            tracing::warn!(%error, "the queues of ballots cannot be made, trying again");
            tokio::time::sleep(PREPARE_AGAIN).await;
        }
        self.0.prepared.store(true, Ordering::Relaxed);
    }

    fn report_readiness(&self) {
        let Inner { context: Context { readiness, .. }, commit, catalogue, prepared, .. } = self.0.as_ref();
        // Each holds what it asks, not what holds the readiness: nothing of that would ever end.
        let asked = catalogue.clone();
        readiness.add("contests", move || {
            let ready = asked.ready();
            async move { ready }
        });
        let asked = catalogue.clone();
        readiness.detail("contests", move || asked.troubles());
        let asked = prepared.clone();
        readiness.add("queues", move || {
            let prepared = asked.load(Ordering::Relaxed);
            async move { if prepared { Ok(()) } else { Err("the queues of ballots are not made yet".to_owned()) } }
        });
        let asked = commit.clone();
        readiness.add("confirms", move || {
            let overdue = asked.flow.overdue();
            async move { if overdue == 0 { Ok(()) } else { Err(format!("{overdue} batches are not confirmed in time")) } }
        });
    }

    /// Looks after contests, gates and beats until `shutdown`.
    pub async fn keep(&self, shutdown: &CancellationToken) {
        let prepare = async {
            if !self.0.prepared.load(Ordering::Relaxed) {
                shutdown.run_until_cancelled(self.prepare()).await;
            }
        };
        tokio::join!(self.0.catalogue.keep(shutdown), prepare);
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
        Server { limits: config.limits() }.serve_service(listener, front, shutdown.clone()).await;
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
