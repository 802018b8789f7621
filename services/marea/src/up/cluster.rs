//! The cluster: the simulated one, or a real one that the user names.

use std::{fmt, sync::Arc};

use ::cluster::{Engine, Limits};
use embedded::Database;
use sandbox::{Options, Sandbox};

use super::{
    journal::EmbeddedJournal,
    rights::{self, Seen},
    settings::Settings,
};
use crate::failure::Failure;

/// What tasks are applied to.
pub enum Cluster {
    /// The sandbox.
    Simulated(Sandbox),
    /// A real one.
    Real {
        /// The engine over it.
        engine: Box<Engine>,
        /// The context's name.
        context: String,
        /// The API server's URL.
        server: String,
        /// Its namespaces, and what the context's user may do.
        seen: Seen,
    },
}

/// The cluster that is set. The user's kubeconfig is read only where they name a context.
pub async fn connect(settings: &Settings, data: &Database) -> Result<Cluster, Failure> {
    match settings.own.kube_context.as_str() {
        "" => simulated(data).await.map(Cluster::Simulated),
        context => real(context, settings.applier.in_flight).await,
    }
}

async fn simulated(data: &Database) -> Result<Sandbox, Failure> {
    let (journal, restored) = EmbeddedJournal::open(data.clone()).await.map_err(Failure::failed)?;
    Ok(Sandbox::new(Options { journal: Some(Arc::new(journal)), restored, ..Options::default() }))
}

async fn real(context: &str, in_flight: usize) -> Result<Cluster, Failure> {
    let source = cluster::Source::Kubeconfig { path: None, context: Some(context.to_owned()) };
    let connected = cluster::connect(&source)
        .await
        .map_err(|e| Failure::usage(e).hint("see your contexts with `kubectl config get-contexts`"))?;
    let seen = rights::look(&connected.client, &connected.namespace)
        .await
        .map_err(|e| Failure::failed(format!("the API server {} does not answer: {e}", connected.server)))?;
    let limits = Limits { in_flight: in_flight.max(1), ..Limits::default() };
    let engine = Box::new(Engine::new(connected.client, limits));
    Ok(Cluster::Real { engine, context: context.to_owned(), server: connected.server, seen })
}

impl Cluster {
    /// The engine over it. In the sandbox tenants' namespaces are made as they are needed, for nobody else is there to
    /// make them; in a real cluster that is its administrator's to do.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Simulated(sandbox) => Engine::new(sandbox.client(), Limits::default()).making_namespaces(),
            Self::Real { engine, .. } => Engine::clone(engine),
        }
    }

    /// How tasks are applied: where the user's rights end at one namespace, only that one is watched.
    pub fn watched(&self, config: &cluster_applier::Config) -> cluster_applier::Config {
        let mut config = config.clone();
        if let Self::Real { seen, .. } = self
            && config.watch_namespaces.is_empty()
        {
            config.watch_namespaces.extend(seen.only.clone());
        }
        config
    }

    /// What will not work.
    pub fn warnings(&self) -> Vec<String> {
        let Self::Real { seen, .. } = self else { return vec![] };
        let only =
            seen.only.as_ref().map(|only| format!("rights in the namespace {only} only: no task works elsewhere"));
        only.into_iter().chain(seen.missing.iter().cloned()).collect()
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated(_) => {
                f.write_str("sandbox: simulated, no container runs (a real one: --kube-context NAME)")
            }
            Self::Real { context, server, seen, .. } => {
                write!(f, "{context}, {server}, namespaces: {}", seen.namespaces)
            }
        }
    }
}
