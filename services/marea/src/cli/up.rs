//! What `up` takes.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// `up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", env = "MAREA_DATA", default_value = ".marea", conflicts_with = "ephemeral")]
    pub data: PathBuf,
    /// Start anew: delete what an earlier `up` kept in the data folder.
    #[arg(long, conflicts_with = "ephemeral")]
    pub reset: bool,
    /// Keep nothing.
    #[arg(long)]
    pub ephemeral: bool,
    /// Where to listen; port 0 for any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Write the address into this file as soon as everything is ready.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Run the sample task and cast ballots in the sample contests, and tell how they go.
    #[arg(long)]
    pub demo: bool,
    /// Take ballots for the contests of this folder, one YAML file each, instead of the two samples.
    #[arg(long, value_name = "DIR", env = "MAREA_CONTESTS")]
    pub contests: Option<PathBuf>,
    /// Apply to a real cluster: this context of your kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// RabbitMQ instead of the embedded queues.
    #[arg(long, value_name = "URL", env = "MAREA_AMQP", hide_env_values = true)]
    pub amqp: Option<String>,
    /// Redis Cluster instead of the embedded states and counters.
    #[arg(long, value_name = "URL", env = "MAREA_REDIS", hide_env_values = true)]
    pub redis: Option<String>,
    /// Blob storage instead of the embedded records: s3://, gs:// or a folder.
    #[arg(long, value_name = "URL", env = "MAREA_BLOBS")]
    pub blobs: Option<String>,
    /// MongoDB instead of the embedded log of ballots.
    #[arg(long, value_name = "URL", env = "MAREA_MONGO", hide_env_values = true)]
    pub mongo: Option<String>,
    /// Options of the blob storage, as key=value; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", env = "MAREA_BLOBS_OPTIONS", hide_env_values = true, value_delimiter = ',')]
    pub blobs_option: Vec<String>,
    /// Ask for tokens; this one is the administrator's.
    #[arg(long, value_name = "TOKEN", env = "MAREA_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
    /// Listen beyond this computer without tokens: whoever reaches the port may do everything.
    #[arg(long)]
    pub insecure: bool,
    /// Let pages of this origin read; may be given several times.
    #[arg(long, value_name = "ORIGIN", env = "MAREA_CORS_ORIGIN", value_delimiter = ',')]
    pub cors_origin: Vec<String>,
    /// What is logged to stderr, for example info or info,cluster=debug.
    #[arg(long, value_name = "FILTER", env = "MAREA_LOG", default_value = "warn")]
    pub log: String,
    /// How logs look: json, pretty or auto.
    #[arg(long, value_name = "FORMAT", env = "MAREA_LOG_FORMAT", default_value = "auto")]
    pub log_format: String,
}
