//! Leases: a key that expires, and an epoch that only grows.

use std::time::Duration;

use domain::TaskKey;
use fred::{prelude::Client, types::Value};

use super::{scripts::Scripts, task};
use crate::{Error, Lease};

fn lease_key(key: &TaskKey) -> String {
    format!("{}:lease", task::hash(key.id))
}

fn epoch_key(key: &TaskKey) -> String {
    format!("{}:epoch", task::hash(key.id))
}

/// What the lease's key holds.
fn text(lease: &Lease) -> Value {
    format!("{}/{}", lease.epoch, lease.holder).into()
}

/// At least one: Redis refuses an expiry of zero.
fn millis(ttl: Duration) -> Value {
    i64::try_from(ttl.as_millis().max(1)).unwrap_or(i64::MAX).into()
}

pub(super) async fn acquire(
    client: &Client,
    scripts: &Scripts,
    key: &TaskKey,
    holder: &str,
    ttl: Duration,
) -> Result<Option<Lease>, Error> {
    let keys = vec![lease_key(key), epoch_key(key)];
    let epoch: u64 = scripts.acquire.run(client, keys, vec![holder.into(), millis(ttl)]).await?;
    Ok((epoch > 0).then(|| Lease { key: key.clone(), epoch, holder: holder.to_owned() }))
}

pub(super) async fn renew(client: &Client, scripts: &Scripts, lease: &Lease, ttl: Duration) -> Result<bool, Error> {
    let args = vec![text(lease), millis(ttl)];
    let renewed: i64 = scripts.renew.run(client, vec![lease_key(&lease.key)], args).await?;
    Ok(renewed == 1)
}

pub(super) async fn release(client: &Client, scripts: &Scripts, lease: &Lease) -> Result<(), Error> {
    scripts.release.run::<i64>(client, vec![lease_key(&lease.key)], vec![text(lease)]).await?;
    Ok(())
}
