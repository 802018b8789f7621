//! Batches as ingest makes them, to fill queues with.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use contests::{
    Definition,
    batch::{Header, TYPE, append_one},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use messaging::{Bus, Message, Route, topology::VOTES};
use uuid::Uuid;

/// Ballots of one batch: about what ingest gathers at 256 connections.
pub const BALLOTS: usize = 100;
/// Slots that batches are spread over, as ingest does.
const SLOTS: usize = 8;
/// Queues that batches are spread over, as ingest does.
const QUEUES: usize = 4;
/// Publishes at a time.
const ABREAST: usize = 32;

/// So many batches of different ballots, each with an id of its own.
pub fn make(definition: &Definition, ballots: &[String], count: usize) -> Result<Vec<Bytes>> {
    let producer = Uuid::now_v7();
    let batch = |number: usize| {
        let mut segments = Vec::new();
        for at in 0..BALLOTS {
            let json = ballots[(number * BALLOTS + at) % ballots.len()].as_bytes();
            let ballot = definition.ballot(json, None)?.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
            append_one(&mut segments, "", Uuid::now_v7(), &ballot);
        }
        Ok(header(definition, producer, number)?.encode(&segments).into())
    };
    (0..count).map(batch).collect()
}

fn header(definition: &Definition, producer: Uuid, at: usize) -> Result<Header> {
    let number = at as u64 + 1;
    Ok(Header {
        batch: Uuid::now_v7(),
        contest: definition.name.clone(),
        kind: definition.kind,
        revision: definition.revision(),
        words: vec![],
        slot: u16::try_from(at % SLOTS)?,
        producer,
        number,
        ballots: u32::try_from(BALLOTS)?,
        cumulative: number * BALLOTS as u64,
        confirmed: number - 1,
        last: false,
        time: Timestamp::from_millisecond(Timestamp::now().as_millisecond())?,
        fields: definition.field_heads(),
    })
}

/// Publishes them, and awaits every confirm.
pub async fn publish(bus: &dyn Bus, definition: &Definition, batches: &[Bytes]) -> Result<()> {
    let key: Arc<str> = format!("votes.{}", definition.name).into();
    let one = |(index, body): (usize, &Bytes)| {
        let (key, body) = (key.clone(), body.clone());
        async move {
            let id = Uuid::now_v7().to_string();
            let message = Message::binary(TYPE, id, "contests/bands", Timestamp::now(), body);
            let route = Route::Ballots { key, group: &VOTES, index: index % QUEUES };
            bus.publish(&route, message).await.context("publish")
        }
    };
    stream::iter(batches.iter().enumerate().map(one)).buffer_unordered(ABREAST).try_collect().await
}
