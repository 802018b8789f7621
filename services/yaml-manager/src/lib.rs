//! Renders a submitted revision, or rejects it.
//!
//! Consumes `task.submitted`, writes the records `report` and `rendered`, publishes `task.validated`;
//! or writes the outcome and publishes `task.rejected`. A revision is rendered once: a message that
//! comes again finds its records and only publishes again. Nothing here talks to a cluster.

mod facts;
mod handler;
mod revision;

use std::{net::SocketAddr, sync::Arc};

use bootstrap::{Context, app, listen, serve};
use messaging::topology::YAML_MANAGER;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::handler::Manager;

bootstrap::settings! {
    /// What yaml-manager needs beyond the platform's settings.
    pub struct Config {
        /// Where it shows its health and metrics.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0], 8082))),
    }
}

/// Consumes until `shutdown`, then drains.
pub async fn run(context: Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let manager = Arc::new(Manager::new(context.clone()));
    let serving = async {
        let Some(address) = config.listen else { return anyhow::Ok(()) };
        let listener = listen(&context, address).await?;
        serve(listener, app(&context, OpenApiRouter::new()), shutdown.clone()).await;
        Ok(())
    };
    let consuming = context.bus.consume(&YAML_MANAGER, manager, shutdown.clone());
    tokio::try_join!(serving, async {
        consuming.await;
        Ok(())
    })
    .map(drop)
}
