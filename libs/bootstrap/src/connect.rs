//! From settings to the parts of a context.

use std::sync::Arc;

use blobs::{
    Records,
    object::{ObjectBlobs, Options},
};

use messaging::Bus;
use state::States;

use crate::{Access, AccessMode, Context, Platform};

/// Why the parts of a context could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// A server that refuses.
    #[error("{0}")]
    Server(String),
}

impl ConnectError {
    /// Whether another configuration is needed, rather than patience.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Setting(_))
    }
}

fn needed(setting: &str, example: &str) -> ConnectError {
    let variable = setting.to_ascii_uppercase();
    ConnectError::Setting(format!("the setting `{setting}` is needed, for example MAREA_{variable}={example}"))
}

/// Records in the blob store that the settings name.
pub fn records(platform: &Platform) -> Result<Records, ConnectError> {
    if platform.blobs.is_empty() {
        return Err(needed("blobs", "s3://bucket/prefix"));
    }
    let settings = platform.blobs_options.iter().map(|(k, v)| (k.clone(), v.expose().to_owned())).collect();
    let options = Options { settings, ..Options::default() };
    let opened = ObjectBlobs::open(&platform.blobs, &options).map_err(|e| ConnectError::Setting(e.to_string()))?;
    Ok(Records::new(Arc::new(opened)))
}

/// The context that the settings ask for, connected.
pub async fn context(service: &'static str, platform: &Platform) -> Result<Context, ConnectError> {
    let records = records(platform)?;
    let access = match platform.access {
        AccessMode::Tokens => Access::tokens(records.clone(), &platform.admin_token),
        AccessMode::Local => Access::local(records.clone(), domain::Tenant::local()),
    };
    let mut context = Context::new(service, bus(platform).await?, records, states(platform).await?, access);
    context.internal_token = platform.internal_token.clone();
    context.guard.cors_origins.clone_from(&platform.cors_origin);
    Ok(context)
}

async fn bus(platform: &Platform) -> Result<Arc<dyn Bus>, ConnectError> {
    if platform.amqp.is_empty() {
        return Err(needed("amqp", "amqp://user:password@host:5672"));
    }
    Err(ConnectError::Server("RabbitMQ is not wired yet".to_owned()))
}

async fn states(platform: &Platform) -> Result<Arc<dyn States>, ConnectError> {
    if platform.redis.is_empty() {
        return Err(needed("redis", "redis://host:6379"));
    }
    Err(ConnectError::Server("Redis is not wired yet".to_owned()))
}
