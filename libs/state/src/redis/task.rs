//! One task's hash: its facts by member, and its version.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{Fact, TaskId, TaskKey, TaskStatus, status};
use fred::{
    prelude::{Client, HashesInterface, KeysInterface},
    types::Value,
};
use futures::future::try_join_all;

use super::scripts::Scripts;
use crate::{
    Error,
    stored::{self, readable},
};

/// Digits of a value that are its precedence: what a `u64` needs.
const PRECEDENCE: usize = 20;
/// The field that is no member.
const VERSION: &str = "version";
/// Facts of one task in one script call: Lua takes some 8,000 arguments, of which a fact needs two.
const CHUNK: usize = 500;

/// The braces make the id alone decide the slot, so that the task's lease lies beside it.
pub(super) fn hash(id: TaskId) -> String {
    format!("marea:{{{id}}}")
}

/// Each task atomically (in chunks of 500 facts), all tasks at once: the client pipelines them.
pub(super) async fn add(client: &Client, scripts: &Scripts, facts: &[Fact]) -> Result<(), Error> {
    let mut by_task = BTreeMap::<TaskId, Vec<&Fact>>::new();
    for fact in facts {
        by_task.entry(fact.task).or_default().push(fact);
    }
    let calls = by_task.iter().flat_map(|(id, facts)| facts.chunks(CHUNK).map(move |chunk| (*id, chunk)));
    let adds = calls.map(|(id, chunk)| {
        let args = chunk.iter().flat_map(|fact| [Value::from(fact.member()), Value::from(value(fact))]).collect();
        scripts.add.run::<i64>(client, vec![hash(id)], args)
    });
    try_join_all(adds).await?;
    Ok(())
}

fn value(fact: &Fact) -> String {
    format!("{:0PRECEDENCE$}{}", fact.precedence(), stored::encode(fact))
}

pub(super) async fn status(client: &Client, key: &TaskKey) -> Result<Option<Arc<TaskStatus>>, Error> {
    let fields: HashMap<String, String> = client.hgetall(hash(key.id)).await?;
    let version = fields.get(VERSION).and_then(|v| v.parse().ok()).unwrap_or_default();
    let bodies = fields.iter().filter(|(member, _)| *member != VERSION).filter_map(|(_, v)| v.get(PRECEDENCE..));
    let facts: Vec<Fact> = bodies.filter_map(|body| readable(key, body)).collect();
    // The key's tenant is part of the question: another's task is not there.
    let own = status::fold(&facts).filter(|status| status.tenant == key.tenant);
    Ok(own.map(|status| Arc::new(TaskStatus { version, ..status })))
}

/// The version; 0 where the task is not there.
pub(super) async fn version(client: &Client, key: &TaskKey) -> Result<u64, Error> {
    let version: Option<u64> = client.hget(hash(key.id), VERSION).await?;
    Ok(version.unwrap_or_default())
}

pub(super) async fn forget(client: &Client, key: &TaskKey) -> Result<(), Error> {
    Ok(client.del(hash(key.id)).await?)
}
