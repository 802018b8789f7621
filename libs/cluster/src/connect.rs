//! Clients of a real cluster, built so that this crate's one layer owns the retries.

use std::{path::PathBuf, time::Duration};

use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Where to find the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// The pod's own ServiceAccount where there is one, else the kubeconfig's current context.
    #[default]
    Infer,
    /// The pod's own ServiceAccount.
    InCluster,
    /// A kubeconfig: the file given, else `KUBECONFIG`, else `~/.kube/config`.
    Kubeconfig {
        /// The file.
        path: Option<PathBuf>,
        /// The context; none: the current one.
        context: Option<String>,
    },
}

/// A client and what it talks to, for a person to see before anything is written.
#[derive(Clone)]
pub struct Connection {
    /// The client; nothing was sent yet.
    pub client: Client,
    /// The API server's URL.
    pub server: String,
    /// The context's default namespace.
    pub namespace: String,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("no cluster to connect to: {0}")]
pub struct Error(String);

/// A TCP connection within a cluster takes milliseconds; a server that is away must not hold a lease up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a client. Sends nothing.
///
/// # Errors
/// Where the kubeconfig or the pod's credentials cannot be read.
pub async fn connect(source: &Source) -> Result<Connection, Error> {
    let mut config = load(source).await?;
    // kube retries 429, 503 and 504 fifteen times by itself: hidden from our deadlines.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let (server, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
    let client = ClientBuilder::try_from(config).map_err(|e| Error(e.to_string()))?.build();
    Ok(Connection { client, server, namespace })
}

async fn load(source: &Source) -> Result<Config, Error> {
    let failed = |e: &dyn std::error::Error| Error(e.to_string());
    match source {
        Source::Infer => Config::infer().await.map_err(|e| failed(&e)),
        Source::InCluster => Config::incluster().map_err(|e| failed(&e)),
        Source::Kubeconfig { path, context } => {
            let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
            match path {
                None => Config::from_kubeconfig(&options).await.map_err(|e| failed(&e)),
                Some(path) => {
                    let file = Kubeconfig::read_from(path).map_err(|e| failed(&e))?;
                    Config::from_custom_kubeconfig(file, &options).await.map_err(|e| failed(&e))
                }
            }
        }
    }
}
