//! Applies validated tasks to a cluster, checks until they are healthy, prunes, reverts, rolls back,
//! and goes on reporting their health afterwards.
//!
//! Nobody owns a watch and nothing is kept in memory that could not be lost: a step of a task is one
//! message, and ends in a fact or in the next, delayed `task.check`. The engine is `libs/cluster`.

mod applier;
mod check;
mod clusters;
mod early;
mod facts;
mod history;
mod internal;
mod lease;
mod limiter;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
pub use applier::Times;
use bootstrap::Context;
pub use clusters::Clusters;
pub use internal::routes;
use messaging::topology::CLUSTER_APPLIER;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{applier::Applier, early::Early};

bootstrap::settings! {
    /// What cluster-applier needs beyond the platform.
    pub struct Config {
        /// Where the internal HTTP interface listens.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8083))),
        /// A kubeconfig; empty: the pod's own ServiceAccount, else the usual places.
        kubeconfig: String = String::new(),
        /// The kubeconfig's context; empty: its current one.
        kube_context: String = String::new(),
        /// Further clusters by the name that `?target=` gives them: `name=context`.
        targets: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new(),
        /// Namespaces to watch; none: all of them, for which the right to watch all is needed.
        watch_namespaces: Vec<String> = vec![],
        /// Requests in flight to one API server.
        in_flight: usize = 32,
        /// Seconds that a roll back may take before it is reported as blocked.
        rollback_seconds: u32 = 120,
    }
}

/// Runs the service on the clusters that its configuration names.
///
/// # Errors
/// Where a kubeconfig cannot be read, or the address cannot be listened on.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clusters = Clusters::connect(&config).await?;
    clusters.watch_readiness(&context.readiness);
    let server = serve(&context, &clusters, &config, shutdown.clone()).await?;
    let ((), ()) = tokio::join!(run_on(context, clusters, config, shutdown), server);
    Ok(())
}

/// Runs the consumer and the watches on these clusters: what `marea up` and the tests call.
pub async fn run_on(context: Context, clusters: Clusters, config: Config, shutdown: CancellationToken) {
    let (bus, times) = (context.bus.clone(), Times::of(&config));
    let applier = Arc::new(Applier::new(context, clusters.clone(), times));
    let early = Early::new(applier.clone(), &clusters, config.watch_namespaces);
    tokio::join!(bus.consume(&CLUSTER_APPLIER, applier, shutdown.clone()), early.run(shutdown));
}

/// The internal interface's server, bound but not yet running.
async fn serve(
    context: &Context,
    clusters: &Clusters,
    config: &Config,
    shutdown: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let listener = match config.listen {
        None => None,
        Some(address) => Some(TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?),
    };
    let router = bootstrap::app(context, routes(context, clusters));
    Ok(async move {
        if let Some(listener) = listener {
            bootstrap::serve(listener, router, shutdown).await;
        }
    })
}
