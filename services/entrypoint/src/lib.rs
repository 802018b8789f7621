//! `POST`, `PUT`, `DELETE` and `GET` of tasks; tenants, tokens and dead letters.
//!
//! A command is stored as a record, published as ids, and answered with 202 once a quorum has
//! confirmed it. Nothing is validated here but what can be told at once, nothing is applied,
//! and no record is ever deleted but by the sweep.

mod admin;
mod answer;
mod command;
mod idempotency;
mod intake;
mod names;
mod parameters;
mod plan;
mod quota;
mod read;
mod remove;
mod replace;
mod submit;
mod sweep;

use std::{collections::BTreeMap, net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

use bootstrap::{Context, Internal, app, listen, serve};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

bootstrap::settings! {
    /// What entrypoint needs beyond the platform's settings.
    pub struct Config {
        /// Where it listens.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8080))),
        /// cluster-applier's internal listener, for dry runs.
        applier_url: String = "http://cluster-applier:8083".into(),
        /// Clusters that `?target=` may name, beside the default one: `name=context`, as cluster-applier has them.
        targets: BTreeMap<String, String> = BTreeMap::new(),
        /// Seconds between two sweeps of abandoned records; 0: none.
        sweep_seconds: u64 = 3600,
    }
}

/// What the handlers share: cloned for each request.
#[derive(Clone)]
struct Entry(Arc<Parts>);

struct Parts {
    context: Context,
    internal: Internal,
    targets: Vec<String>,
    quota: quota::Quota,
}

impl Entry {
    fn new(context: &Context, config: &Config) -> Self {
        let internal = Internal::new(&config.applier_url, &context.internal_token);
        let targets = config.targets.keys().cloned().collect();
        Self(Arc::new(Parts { context: context.clone(), internal, targets, quota: quota::Quota::default() }))
    }
}

impl Deref for Entry {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The routes, for a server of this service's own or of a whole process.
pub fn routes(context: &Context, config: &Config) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(submit::post))
        .routes(routes!(read::get, replace::put, remove::delete))
        .merge(admin::routes())
        .with_state(Entry::new(context, config))
}

/// Serves, and sweeps, until `shutdown`.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let sweeping = sweep::run(&context, Duration::from_secs(config.sweep_seconds), shutdown.clone());
    let serving = async {
        let Some(address) = config.listen else { return anyhow::Ok(()) };
        let listener = listen(&context, address).await?;
        serve(listener, app(&context, routes(&context, &config)), shutdown.clone()).await;
        Ok(())
    };
    // What ends first with an error ends both.
    tokio::try_join!(serving, async {
        sweeping.await;
        Ok(())
    })
    .map(drop)
}
