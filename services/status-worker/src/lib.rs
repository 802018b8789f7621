//! Folds facts into task states, and serves them.
//!
//! Consumes every fact, many at a time, and adds it to its task's set; state is the fold of that set.
//! The state store is a cache: what is missing there, or has stood still for long, is folded again
//! from the records. Nothing here decides what happens to a task.

mod events;
mod fold;
mod internal;
mod keep;
mod list;
mod one;
mod parameters;
mod refold;

use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

use bootstrap::{Context, Internal, app, listen, serve};
use messaging::topology::STATUS_WORKER;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use refold::facts;

bootstrap::settings! {
    /// What status-worker needs beyond the platform's settings.
    pub struct Config {
        /// Where it listens.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8081))),
        /// cluster-applier's internal listener, for reasons and logs.
        applier_url: String = "http://cluster-applier:8083".into(),
        /// Seconds between two looks for states that were lost; 0: none.
        refold_seconds: u64 = 300,
    }
}

/// What the handlers share: cloned for each request.
#[derive(Clone)]
struct Worker(Arc<Parts>);

struct Parts {
    context: Context,
    internal: Internal,
    refolds: refold::Refolds,
}

impl Worker {
    fn new(context: &Context, config: &Config) -> Self {
        let internal = Internal::new(&config.applier_url, &context.internal_token);
        Self(Arc::new(Parts { context: context.clone(), internal, refolds: refold::Refolds::default() }))
    }
}

impl Deref for Worker {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The routes, for a server of this service's own or of a whole process.
pub fn routes(context: &Context, config: &Config) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(one::get))
        .routes(routes!(internal::why))
        .routes(routes!(internal::logs))
        .with_state(Worker::new(context, config))
}

/// Consumes and serves until `shutdown`, then drains.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (folder, folding) = fold::folder(context.states.clone());
    let consuming = context.bus.consume(&STATUS_WORKER, Arc::new(folder), shutdown.clone());
    let interval = Duration::from_secs(config.refold_seconds);
    let keeping = keep::run(Worker::new(&context, &config), interval, shutdown.clone());
    let serving = async {
        let Some(address) = config.listen else { return anyhow::Ok(()) };
        let listener = listen(&context, address).await?;
        serve(listener, app(&context, routes(&context, &config)), shutdown.clone()).await;
        Ok(())
    };
    let working = async {
        tokio::join!(consuming, folding, keeping);
        Ok(())
    };
    // What ends first with an error ends both.
    tokio::try_join!(serving, working).map(drop)
}
