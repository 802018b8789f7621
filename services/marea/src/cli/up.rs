//! What `up` takes.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// `up`. What is set by none of its flags, of their variables and of the file has its default from `up::settings`.
#[derive(Debug, Args)]
pub struct Up {
    /// A YAML file of these settings, with `_` for `-`; variables and flags come before it.
    #[arg(long, value_name = "FILE", env = "MAREA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print the settings that hold, secrets hidden, and end.
    #[arg(long)]
    pub print_config: bool,
    /// Where everything is kept [default: .marea].
    #[arg(long, value_name = "DIR", env = "MAREA_DATA", conflicts_with = "ephemeral")]
    pub data: Option<PathBuf>,
    /// Start anew: delete what an earlier `up` kept in the data folder.
    #[arg(long, conflicts_with = "ephemeral")]
    pub reset: bool,
    /// Keep nothing.
    #[arg(long)]
    pub ephemeral: bool,
    /// Where to listen; port 0 for any [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS", env = "MAREA_LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Write the address into this file as soon as everything is ready.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Run the sample task and cast ballots in the sample contests, and tell how they go.
    #[arg(long)]
    pub demo: bool,
    /// Take ballots for the contests of this folder, one YAML file each; with --demo for the two samples as well.
    #[arg(long, value_name = "DIR", env = "MAREA_CONTESTS")]
    pub contests: Option<String>,
    /// Apply to a real cluster: this context of your kubeconfig.
    #[arg(long, value_name = "NAME", env = "MAREA_KUBE_CONTEXT")]
    pub kube_context: Option<String>,
    /// RabbitMQ instead of the embedded queues.
    #[arg(long, value_name = "URL", env = "MAREA_AMQP", hide_env_values = true)]
    pub amqp: Option<String>,
    /// Put before every name of exchange and queue there, so that several installations share a broker.
    #[arg(long, value_name = "PREFIX", env = "MAREA_AMQP_PREFIX")]
    pub amqp_prefix: Option<String>,
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
    /// Let pages of this origin read, and cast ballots; may be given several times.
    #[arg(long, value_name = "ORIGIN", env = "MAREA_CORS_ORIGIN", value_delimiter = ',')]
    pub cors_origin: Vec<String>,
    /// What is logged to stderr, for example info or info,cluster=debug [default: warn].
    #[arg(long, value_name = "FILTER", env = "MAREA_LOG")]
    pub log: Option<String>,
    /// How logs look: json, pretty or auto [default: auto].
    #[arg(long, value_name = "FORMAT", env = "MAREA_LOG_FORMAT")]
    pub log_format: Option<String>,
    /// Where traces go by OTLP/HTTP, for example http://127.0.0.1:4318; else OTEL_EXPORTER_OTLP_ENDPOINT.
    #[arg(long, value_name = "URL", env = "MAREA_OTLP")]
    pub otlp: Option<String>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8099 or [::1]:8099".to_owned())
}
