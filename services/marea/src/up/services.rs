//! Every service, started in this process on one port.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bootstrap::{Context, shutdown::Signals};
use cluster_applier::Clusters;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use super::cluster::Cluster;
use crate::failure::Failure;

/// How long the parts may take to be ready; embedded ones take milliseconds.
const READY: Duration = Duration::from_secs(30);
/// Between two looks at what is not ready yet.
const LOOK: Duration = Duration::from_millis(10);

/// What runs.
pub struct Running {
    context: Context,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    left: BTreeSet<&'static str>,
    /// Ends when any service has failed.
    failed: CancellationToken,
}

/// Starts every service.
pub fn start(
    mut context: Context,
    cluster: &Cluster,
    listener: TcpListener,
    signals: &Signals,
) -> Result<Running, Failure> {
    let stop = signals.drain.clone();
    context.stopping = stop.clone();
    let address = listener.local_addr()?;
    let own = format!("http://{}", reachable(address));
    let entry = entrypoint::Config { listen: None, applier_url: own.clone(), ..entrypoint::Config::default() };
    let status = status_worker::Config { listen: None, applier_url: own.clone(), ..status_worker::Config::default() };
    let clusters = Clusters::one(cluster.engine());
    let page = console::Config { server: own, secure_cookie: false, ..console::Config::default() };
    // Served here too, and no part of what the public document describes.
    let (internal, _document) = cluster_applier::routes(&context, &clusters).split_for_parts();
    let routes = OpenApiRouter::new()
        .merge(entrypoint::routes(&context, &entry))
        .merge(status_worker::routes(&context, &status))
        .merge(OpenApiRouter::from(internal))
        .merge(OpenApiRouter::from(console::routes(&page, stop.clone())?));
    let app = bootstrap::app(&context, routes);
    let mut running =
        Running { context: context.clone(), tasks: JoinSet::new(), left: BTreeSet::new(), failed: stop.clone() };
    let server = bootstrap::serve(listener, app, stop.clone());
    running.spawn("http", async move {
        server.await;
        Ok(())
    });
    running.spawn("entrypoint", entrypoint::run(context.clone(), entry, stop.clone()));
    let manager = yaml_manager::Config { listen: None };
    running.spawn("yaml-manager", yaml_manager::run(context.clone(), manager, stop.clone()));
    running.spawn("status-worker", status_worker::run(context.clone(), status, stop.clone()));
    let applier = cluster_applier::run_on(context, clusters, cluster_applier::Config::default(), stop.clone());
    running.spawn("cluster-applier", async move {
        applier.await;
        Ok(())
    });
    if let Cluster::Simulated(sandbox) = cluster {
        let sandbox = sandbox.clone();
        running.spawn("sandbox", async move {
            sandbox.run(stop).await;
            Ok(())
        });
    }
    Ok(running)
}

/// The address at which this process finds itself.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Running {
    fn spawn(&mut self, name: &'static str, service: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.left.insert(name);
        let failed = self.failed.clone();
        self.tasks.spawn(async move {
            let ended = service.await;
            if let Err(error) = &ended {
                tracing::error!(service = name, error = format!("{error:#}"), "a service failed, all stop");
                failed.cancel();
            }
            (name, ended)
        });
    }

    /// Waits until every part answers.
    pub async fn ready(&self) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + READY;
        loop {
            let missing = self.context.readiness.missing().await;
            if missing.is_empty() {
                return Ok(());
            }
            if tokio::time::Instant::now() > until {
                let all = missing.iter().map(|(part, why)| format!("{part}: {why}")).collect::<Vec<_>>().join("; ");
                return Err(Failure::failed(format!("not ready after {} s: {all}", READY.as_secs())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until every service has ended; the first failure is what it ends with.
    pub async fn ended(&mut self) -> Result<(), Failure> {
        let mut failure = None;
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((name, result)) => {
                    self.left.remove(name);
                    let failed = result.err().map(|e| Failure::failed(format!("{name} failed: {e:#}")));
                    failure = failure.or(failed);
                }
                Err(error) => failure = failure.or(Some(Failure::failed(format!("a service panicked: {error}")))),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The services that have not ended.
    pub fn names(&self) -> Vec<&'static str> {
        self.left.iter().copied().collect()
    }
}
