//! Every service, started in this process on one port.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bootstrap::{
    Context,
    http::{Limits, Server},
};
use cluster_applier::Clusters;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use super::{cluster::Cluster, contests::Contests, settings::Settings};
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
    context: Context,
    settings: &Settings,
    cluster: &Cluster,
    contests: Contests,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<Running, Failure> {
    let address = listener.local_addr()?;
    let own = format!("http://{}", reachable(address));
    let entry = entrypoint::Config { listen: None, applier_url: own.clone(), ..entrypoint::Config::default() };
    let status = status_worker::Config { applier_url: own.clone(), ..settings.status.clone() };
    let clusters = Clusters::one(cluster.engine());
    if matches!(cluster, Cluster::Real { .. }) {
        clusters.watch_readiness(&context.readiness);
    }
    let page = console::Config { server: own, ..settings.page.clone() };
    // Served here too, and no part of what the public document describes.
    let (internal, _document) = cluster_applier::routes(&context, &clusters).split_for_parts();
    let routes = OpenApiRouter::new()
        .merge(entrypoint::routes(&context, &entry))
        .merge(status_worker::routes(&context, &status))
        .merge(contests.routes())
        .merge(OpenApiRouter::from(internal))
        .merge(OpenApiRouter::from(console::routes(&page, stop.clone())?));
    let front = contests.front(bootstrap::app(&context, routes));
    let mut running =
        Running { context: context.clone(), tasks: JoinSet::new(), left: BTreeSet::new(), failed: stop.clone() };
    let (served, taken) = (CancellationToken::new(), CancellationToken::new());
    let limits = Limits { connections: settings.ingest.connections, ..Limits::default() };
    let server = Server { limits }.serve_service(listener, front, stop.clone());
    running.spawn_sound("http", ended(server, served.clone()));
    running.spawn_sound("ingest", contests.take(stop.clone(), served, taken.clone()));
    running.spawn_sound("tally", contests.count(taken));
    running.spawn("entrypoint", entrypoint::run(context.clone(), entry, stop.clone()));
    let manager = yaml_manager::Config { listen: None };
    running.spawn("yaml-manager", yaml_manager::run(context.clone(), manager, stop.clone()));
    running.spawn("status-worker", status_worker::run(context.clone(), status, stop.clone()));
    let applier = cluster_applier::run_on(context, clusters, cluster.watched(&settings.applier), stop.clone());
    running.spawn_sound("cluster-applier", applier);
    if let Cluster::Simulated(sandbox) = cluster {
        let sandbox = sandbox.clone();
        running.spawn_sound("sandbox", async move { sandbox.run(stop).await });
    }
    Ok(running)
}

/// Says to `end` that it has ended.
async fn ended(what: impl Future<Output = ()>, end: CancellationToken) {
    what.await;
    end.cancel();
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

    /// As [`Running::spawn`], what cannot fail.
    fn spawn_sound(&mut self, name: &'static str, service: impl Future<Output = ()> + Send + 'static) {
        self.spawn(name, async move {
            service.await;
            Ok(())
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
