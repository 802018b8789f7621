//! The settings that every service has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessMode {
    /// Every request carries a bearer token.
    #[default]
    Tokens,
    /// A request without a token is this computer's user; a foreign `Host` or `Origin` is refused.
    Local,
}

crate::settings! {
    /// The settings that every service has.
    pub struct Platform {
        /// RabbitMQ: `amqp://user:password@host:5672/vhost`, several separated by commas.
        amqp: Secret = Secret::default(),
        /// Put before every name of exchange and queue, so that several installations share a broker.
        amqp_prefix: String = String::new(),
        /// Redis: `redis-cluster://user:password@host:6379?node=host:6379`, or one server by `redis://`.
        redis: Secret = Secret::default(),
        /// Blob storage: `s3://bucket/prefix`, `gs://bucket/prefix` or `file:///folder`.
        blobs: String = String::new(),
        /// Options of the blob store, as object_store names them, for example `aws_endpoint=http://127.0.0.1:7070`.
        blobs_options: BTreeMap<String, Secret> = BTreeMap::new(),
        /// Who may call: `tokens`, or `local` for this computer only.
        access: AccessMode = AccessMode::Tokens,
        /// A token (`mrt_<id>_<secret>`) with the scope admin, to make the first tenant and token with.
        admin_token: Secret = Secret::default(),
        /// What services show each other on their internal routes.
        internal_token: Secret = Secret::default(),
        /// Origins whose pages may read, and cast ballots, for example `https://board.example`.
        cors_origin: Vec<String> = vec![],
        /// What is logged, for example `info` or `info,entrypoint=debug`.
        log: String = "info".into(),
        /// How logs look: `json`, `pretty`, or `auto`: pretty on a terminal.
        log_format: String = "auto".into(),
        /// Where traces go by OTLP/HTTP, for example `http://127.0.0.1:4318`; else OTEL_EXPORTER_OTLP_ENDPOINT.
        otlp: String = String::new(),
        /// Seconds that a stop may take before what still runs is abandoned.
        drain_seconds: u64 = 20,
    }
}
