//! Batches of which some ballots fit no definition: as a broken ingest, or somebody with the broker's password, makes them.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use contests::{
    Ballot, Value,
    batch::{Header, TYPE, append_one},
};
use jiff::Timestamp;
use messaging::{
    Bus, Message, Route,
    rabbitmq::{Config, RabbitMq},
    topology::VOTES,
};
use serde_json::json;
use testkit::until;
use tokio::time::sleep;
use uuid::Uuid;

use super::clients::{BANDS, Clients};

/// Between two batches.
const EVERY: Duration = Duration::from_secs(2);
/// Ballots of a batch; each third does not fit.
const BALLOTS: u32 = 9;
/// How long a batch is published again: no outage of the run lasts as long.
const CONFIRMED: Duration = Duration::from_secs(180);
/// Dead letters that are read.
const LETTERS: usize = 10_000;

impl Clients {
    /// Publishes such batches until `over`, each until it is confirmed, as one producer.
    pub async fn poison(&self, over: &AtomicBool) {
        let urls = (0..self.line.rabbit.nodes()).map(|node| self.line.rabbit.url(node)).collect();
        let config = Config { urls, prefix: String::new(), name: "poison".to_owned() };
        let bus = RabbitMq::connect(config).await.unwrap();
        let (producer, mut number, mut last) = (Uuid::now_v7(), 0, false);
        while !last {
            last = over.load(Ordering::Relaxed);
            number += 1;
            self.one_batch(&bus, producer, number, last).await;
            sleep(EVERY).await;
        }
    }

    async fn one_batch(&self, bus: &RabbitMq, producer: Uuid, number: u64, last: bool) {
        let (batch, records) = (Uuid::now_v7(), &self.records[BANDS]);
        let (mut segments, mut good) = (Vec::new(), Vec::new());
        for n in 0..BALLOTS {
            let (id, fits) = (format!("poison-{number}-{n}"), n % 3 != 0);
            let name = if fits { "Malacates" } else { " space before it" };
            let values =
                vec![Value::Text(name.into()), Value::Text("Paraíso".into()), Value::Integer(1998), Value::Integer(4)];
            append_one(&mut segments, "", Uuid::nil(), &Ballot { id: Some(id.clone().into()), voter: None, values });
            if fits {
                records.begin(&id, &json!({"name": name, "album": "Paraíso", "year": 1998, "rank": 4}), None);
                good.push(id);
            }
        }
        records.send(good.len(), 0);
        self.poisoned.fetch_add(u64::from(BALLOTS) - good.len() as u64, Ordering::Relaxed);
        self.buried.lock().insert(format!("{batch}.dead.0"));
        let header = self.header(batch, producer, number, last);
        let subject = format!("contests/{}", header.contest);
        let message = Message::binary(TYPE, batch.to_string(), &subject, header.time, header.encode(&segments).into());
        let route =
            Route::Ballots { key: "votes.bands".into(), group: &VOTES, index: usize::from(number.is_multiple_of(2)) };
        until("it is confirmed", CONFIRMED, || bus.publish(&route, message.clone())).await.unwrap();
        good.iter().for_each(|id| records.acknowledge(id));
    }

    fn header(&self, batch: Uuid, producer: Uuid, number: u64, last: bool) -> Header {
        let definition = &self.line.contests[BANDS];
        Header {
            batch,
            contest: definition.name.clone(),
            kind: definition.kind,
            revision: definition.revision(),
            words: vec![],
            slot: 1,
            producer,
            number,
            ballots: BALLOTS,
            cumulative: number * u64::from(BALLOTS),
            confirmed: number - 1,
            last,
            time: Timestamp::now(),
            fields: definition.field_heads(),
        }
    }

    /// Whether the dead letters are those that were published, each batch's once or more, and the audit has as many ballots.
    pub async fn are_buried(&self, dead: u64) -> Result<(), String> {
        let poisoned = self.poisoned.load(Ordering::Relaxed);
        if dead != poisoned {
            return Err(format!("{dead} ballots are dead, {poisoned} were published that do not fit"));
        }
        let bus = RabbitMq::connect(Config::new(self.line.rabbit.url(0))).await.map_err(|e| e.to_string())?;
        let letters = bus.dead_letters(LETTERS).await.map_err(|e| e.to_string())?;
        let found: BTreeSet<String> = letters.into_iter().map(|letter| letter.id).collect();
        let expected = self.buried.lock().clone();
        println!("{poisoned} ballots dead, {} dead letters", found.len());
        if found == expected { Ok(()) } else { Err(format!("dead letters {found:?} instead of {expected:?}")) }
    }
}
