//! From settings to the parts of a context.

use std::{sync::Arc, time::Duration};

use blobs::{
    Records,
    object::{ObjectBlobs, Options},
};

use messaging::{
    Bus,
    rabbitmq::{self, RabbitMq},
};
use state::{
    States,
    redis::{self, RedisStates},
    tallies::{RedisTallies, Tallies},
};

use crate::{Access, AccessMode, Context, Platform, TOKEN_HINT, is_token};

/// Pauses between two tries to reach a server at start.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

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
    let admin = &platform.admin_token;
    if !admin.is_empty() && !is_token(admin) {
        return Err(ConnectError::Setting(format!("the setting `admin_token` is not a token: {TOKEN_HINT}")));
    }
    let access = match platform.access {
        AccessMode::Tokens => Access::tokens(records.clone(), admin),
        AccessMode::Local => Access::local(records.clone(), domain::Tenant::local()),
    };
    let mut context = Context::new(service, bus(service, platform).await?, records, states(platform).await?, access);
    context.internal_token = platform.internal_token.clone();
    context.guard.cors_origins.clone_from(&platform.cors_origin);
    context.platform = Arc::new(platform.clone());
    Ok(context)
}

/// RabbitMQ, as the settings name it. A broker that cannot be reached yet is no error.
pub async fn bus(service: &'static str, platform: &Platform) -> Result<Arc<dyn Bus>, ConnectError> {
    if platform.amqp.is_empty() {
        return Err(needed("amqp", "amqp://user:password@host:5672"));
    }
    let urls = platform.amqp.expose().split(',').map(|url| url.trim().to_owned()).collect();
    let config = rabbitmq::Config { urls, prefix: platform.amqp_prefix.clone(), name: service.to_owned() };
    match RabbitMq::connect(config).await {
        Ok(bus) => Ok(Arc::new(bus)),
        Err(error @ rabbitmq::ConnectError::Url(_)) => {
            Err(ConnectError::Setting(format!("the setting `amqp`: {error}")))
        }
        Err(error) => Err(ConnectError::Server(error.to_string())),
    }
}

/// Task states in Redis, as the settings name it; waits for it for ever.
pub async fn states(platform: &Platform) -> Result<Arc<dyn States>, ConnectError> {
    Ok(Arc::new(in_redis(platform, RedisStates::connect).await?))
}

/// Counters of contests in Redis, as the settings name it; waits for it for ever.
pub async fn tallies(platform: &Platform) -> Result<Arc<dyn Tallies>, ConnectError> {
    Ok(Arc::new(in_redis(platform, RedisTallies::connect).await?))
}

async fn in_redis<T>(
    platform: &Platform,
    connect: impl AsyncFn(&str) -> Result<T, redis::ConnectError>,
) -> Result<T, ConnectError> {
    if platform.redis.is_empty() {
        return Err(needed("redis", "redis-cluster://host:6379"));
    }
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(platform.redis.expose()).await {
            Ok(connected) => return Ok(connected),
            Err(redis::ConnectError::Unreachable(reason)) => {
                // Said once: what follows says nothing new.
                if pause == FIRST_PAUSE {
                    tracing::warn!(reason, "redis cannot be reached; trying until it can");
                }
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
            Err(error @ redis::ConnectError::Url(_)) => {
                return Err(ConnectError::Setting(format!("the setting `redis`: {error}")));
            }
            Err(error) => return Err(ConnectError::Server(error.to_string())),
        }
    }
}
