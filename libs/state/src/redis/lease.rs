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
    let epoch: i64 = scripts.acquire.run(client, keys, vec![holder.into(), millis(ttl)]).await?;
    let lease =
        || Lease { key: key.clone(), epoch: epoch.unsigned_abs(), holder: holder.to_owned(), taken_over: epoch < 0 };
    Ok((epoch != 0).then(lease))
}

pub(super) async fn renew(client: &Client, scripts: &Scripts, lease: &Lease, ttl: Duration) -> Result<bool, Error> {
    let args = vec![text(lease), millis(ttl)];
    let renewed: i64 = scripts.renew.run(client, vec![lease_key(&lease.key)], args).await?;
    Ok(renewed == 1)
}

pub(super) async fn release(client: &Client, scripts: &Scripts, lease: &Lease) -> Result<bool, Error> {
    let keys = vec![lease_key(&lease.key), epoch_key(&lease.key)];
    let released: i64 = scripts.release.run(client, keys, vec![text(lease), lease.epoch.to_string().into()]).await?;
    Ok(released == 1)
}
