//! Queues, records, states, and the ballots' log and counters: embedded ones, or the real ones that the user names.

use std::sync::Arc;

use ballots::{BallotLog, embedded::EmbeddedBallots};
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context, Platform, Secret, http::Guard};
use domain::Tenant;
use embedded::Database;
use messaging::{Bus, embedded::EmbeddedBus};
use state::{
    States,
    embedded::EmbeddedStates,
    tallies::{EmbeddedTallies, Tallies},
};
use tally::Stores;

use super::{draw_key, settings::Settings};
use crate::{cli::Up, failure::Failure};

/// The context that every service of this process shares.
pub async fn connect(options: &Up, platform: &Platform, data: &Database) -> Result<Context, Failure> {
    let records = records(platform, data).await?;
    let access = match platform.admin_token.is_empty() {
        false => Access::tokens(records.clone(), &platform.admin_token),
        true => Access::local(records.clone(), Tenant::local()),
    };
    let bus = bus(platform, data).await?;
    let states = states(platform, data).await?;
    let mut context = Context::new("marea", bus, records, states, access);
    context.guard = Guard { any_host: options.insecure, cors_origins: platform.cors_origin.clone() };
    context.internal_token = secret();
    Ok(context)
}

/// The log and the counters of ballots.
pub async fn stores(settings: &Settings, data: &Database) -> Result<Stores, Failure> {
    Ok(Stores { ballots: log(&settings.tally, data).await?, tallies: tallies(&settings.platform, data).await? })
}

async fn log(config: &tally::Config, data: &Database) -> Result<Arc<dyn BallotLog>, Failure> {
    if config.mongo.is_empty() {
        return Ok(Arc::new(EmbeddedBallots::open(data.clone()).await.map_err(Failure::failed)?));
    }
    tally::ballots(config).await.map_err(refused)
}

async fn tallies(platform: &Platform, data: &Database) -> Result<Arc<dyn Tallies>, Failure> {
    if platform.redis.is_empty() {
        return Ok(Arc::new(EmbeddedTallies::open(data.clone()).await.map_err(Failure::failed)?));
    }
    bootstrap::tallies(platform).await.map_err(refused)
}

/// The key that outcomes are drawn with: the one that is set, or the data folder's.
pub async fn draw_key(settings: &mut Settings, data: &Database) -> Result<(), Failure> {
    let key = &mut settings.ingest.draw_key;
    if key.is_empty() {
        *key = draw_key::kept(data, secret()).await.map_err(Failure::failed)?;
    }
    Ok(())
}

/// Known to this process only, as what its services show each other over the one port.
fn secret() -> Secret {
    let (_, secret) = bootstrap::issue(Tenant::local().name, [], None, String::new());
    secret
}

async fn records(platform: &Platform, data: &Database) -> Result<Records, Failure> {
    if platform.blobs.is_empty() {
        let blobs = EmbeddedBlobs::open(data.clone()).await.map_err(Failure::failed)?;
        return Ok(Records::new(Arc::new(blobs)));
    }
    bootstrap::records(platform).map_err(refused)
}

async fn bus(platform: &Platform, data: &Database) -> Result<Arc<dyn Bus>, Failure> {
    if platform.amqp.is_empty() {
        return Ok(Arc::new(EmbeddedBus::open(data.clone()).await.map_err(Failure::failed)?));
    }
    bootstrap::bus("marea", platform).await.map_err(refused)
}

/// A setting that cannot be used is told as such, as a server that refuses is.
fn refused(error: bootstrap::ConnectError) -> Failure {
    if error.is_configuration() { Failure::usage(error) } else { Failure::failed(error) }
}

async fn states(platform: &Platform, data: &Database) -> Result<Arc<dyn States>, Failure> {
    if platform.redis.is_empty() {
        return Ok(Arc::new(EmbeddedStates::open(data.clone()).await.map_err(Failure::failed)?));
    }
    bootstrap::states(platform).await.map_err(refused)
}
