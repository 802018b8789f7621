//! The cluster: the simulated one, or a real one that the user names.

use std::{fmt, sync::Arc};

use ::cluster::{Engine, Limits};
use embedded::Database;
use kube::Client;
use sandbox::{Options, Sandbox};

use super::{journal::EmbeddedJournal, rights};
use crate::{cli::Up, failure::Failure};

/// What tasks are applied to.
pub enum Cluster {
    /// The sandbox.
    Simulated(Sandbox),
    /// A real one.
    Real {
        /// Its client.
        client: Client,
        /// The context's name.
        context: String,
        /// The API server's URL.
        server: String,
        /// Namespaces that are seen.
        namespaces: String,
        /// What the context's user may not do and the engine needs.
        missing: Vec<String>,
    },
}

/// The cluster that the options name. The user's kubeconfig is read only where they name a context.
pub async fn connect(options: &Up, data: &Database) -> Result<Cluster, Failure> {
    match &options.kube_context {
        Some(context) => real(context).await,
        None => simulated(data).await.map(Cluster::Simulated),
    }
}

async fn simulated(data: &Database) -> Result<Sandbox, Failure> {
    let (journal, restored) = EmbeddedJournal::open(data.clone()).await.map_err(Failure::failed)?;
    Ok(Sandbox::new(Options { journal: Some(Arc::new(journal)), restored, ..Options::default() }))
}

async fn real(context: &str) -> Result<Cluster, Failure> {
    let source = cluster::Source::Kubeconfig { path: None, context: Some(context.to_owned()) };
    let connected = cluster::connect(&source)
        .await
        .map_err(|e| Failure::usage(e).hint("see your contexts with `kubectl config get-contexts`"))?;
    let seen = rights::look(&connected.client)
        .await
        .map_err(|e| Failure::failed(format!("the API server {} does not answer: {e}", connected.server)))?;
    Ok(Cluster::Real {
        client: connected.client,
        context: context.to_owned(),
        server: connected.server,
        namespaces: seen.namespaces,
        missing: seen.missing,
    })
}

impl Cluster {
    /// The engine over it. In the sandbox tenants' namespaces are made as they are needed, for nobody else is there to
    /// make them; in a real cluster that is its administrator's to do.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Simulated(sandbox) => Engine::new(sandbox.client(), Limits::default()).making_namespaces(),
            Self::Real { client, .. } => Engine::new(client.clone(), Limits::default()),
        }
    }

    /// What will not work.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Simulated(_) => &[],
            Self::Real { missing, .. } => missing,
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated(_) => {
                f.write_str("sandbox: simulated, no container runs (a real one: --kube-context NAME)")
            }
            Self::Real { context, server, namespaces, .. } => {
                write!(f, "{context}, {server}, namespaces: {namespaces}")
            }
        }
    }
}
