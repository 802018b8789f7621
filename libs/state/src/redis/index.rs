//! A tenant's indexes: sorted sets in the order of their members, so that adding is idempotent and the newest
//! comes by the order of ids.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Fact, TaskId, TaskKey, TaskName, TenantName};
use fred::prelude::{Client, FredResult, SortedSetsInterface};
use futures::future::try_join_all;

use crate::{Error, suffix};

/// Sorts after every hexadecimal digit and hyphen.
const AFTER_DIGITS: char = 'g';

fn ids_key(tenant: &TenantName) -> String {
    format!("marea:ids:{tenant}")
}

fn names_key(tenant: &TenantName) -> String {
    format!("marea:names:{tenant}")
}

fn suffixes_key(tenant: &TenantName) -> String {
    format!("marea:suffixes:{tenant}")
}

fn name_member(name: &TaskName, id: TaskId) -> String {
    format!("{name}/{id}")
}

pub(super) async fn add(client: &Client, facts: &[Fact]) -> Result<(), Error> {
    let mut by_tenant = BTreeMap::<&TenantName, BTreeSet<(TaskId, &TaskName)>>::new();
    for fact in facts {
        by_tenant.entry(&fact.tenant).or_default().insert((fact.task, &fact.name));
    }
    let adds = by_tenant.into_iter().flat_map(|(tenant, tasks)| {
        let names = tasks.iter().map(|(id, name)| name_member(name, *id)).collect();
        let ids = tasks.iter().map(|(id, _)| id.to_string()).collect();
        let suffixes = tasks.iter().map(|(id, _)| suffix::reversed(*id)).collect();
        [(ids_key(tenant), ids), (names_key(tenant), names), (suffixes_key(tenant), suffixes)]
    });
    try_join_all(adds.map(|(key, members)| insert(client, key, members))).await?;
    Ok(())
}

async fn insert(client: &Client, key: String, members: Vec<String>) -> FredResult<()> {
    // One score for all: then Redis sorts by member.
    let members: Vec<(f64, String)> = members.into_iter().map(|member| (0.0, member)).collect();
    client.zadd(key, None, None, false, false, members).await
}

pub(super) async fn forget(client: &Client, key: &TaskKey, name: Option<&TaskName>) -> Result<(), Error> {
    let mut removals =
        vec![(ids_key(&key.tenant), key.id.to_string()), (suffixes_key(&key.tenant), suffix::reversed(key.id))];
    removals.extend(name.map(|name| (names_key(&key.tenant), name_member(name, key.id))));
    try_join_all(removals.into_iter().map(|(key, member)| client.zrem::<(), _, _>(key, member))).await?;
    Ok(())
}

pub(super) async fn ids(
    client: &Client,
    tenant: &TenantName,
    before: Option<TaskId>,
    limit: usize,
) -> Result<Vec<TaskId>, Error> {
    let max = before.map_or_else(|| "+".to_owned(), |id| format!("({id}"));
    let count = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<String> = client.zrevrangebylex(ids_key(tenant), max, "-", Some((0, count))).await?;
    Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
}

pub(super) async fn by_name(client: &Client, tenant: &TenantName, name: &TaskName) -> Result<Option<TaskId>, Error> {
    let (min, max) = (format!("[{name}/"), format!("({name}/{AFTER_DIGITS}"));
    let found: Vec<String> = client.zrevrangebylex(names_key(tenant), max, min, Some((0, 1))).await?;
    Ok(found.first().and_then(|member| member.rsplit('/').next()?.parse().ok()))
}

pub(super) async fn by_suffix(client: &Client, tenant: &TenantName, end: &str) -> Result<Vec<TaskId>, Error> {
    let backwards = suffix::backwards(end);
    let (min, max) = (format!("[{backwards}"), format!("({backwards}{AFTER_DIGITS}"));
    let found: Vec<String> = client.zrangebylex(suffixes_key(tenant), min, max, Some((0, 2))).await?;
    Ok(found.iter().filter_map(|digits| suffix::restored(digits)).collect())
}
