//! Messages as AMQP carries them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use uuid::Uuid;

use crate::work::Counters;
use crate::{DeadLetter, Message};

const RETRIES: &str = "marea-retries";
const PANICS: &str = "marea-panics";
const REDELIVERIES: &str = "marea-redeliveries";
const DEATHS: &str = "marea-alone-deaths";
/// What a quorum queue counts; absent at the first delivery.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// Of a dead letter: why it was given up.
pub(crate) const REASON: &str = "marea-reason";
/// Of a dead letter: the queue that it came from, without prefix.
pub(crate) const QUEUE: &str = "marea-queue";
/// Of a dead letter: when it was given up.
pub(crate) const TIME: &str = "marea-time";

/// Persistent: delivery mode 2.
const PERSISTENT: u8 = 2;

/// The headers of a message: its own, and what is remembered of it.
pub(crate) fn headers(message: &Message, counters: Counters) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in &message.headers {
        if let Ok(name) = ShortString::try_new(name.as_str()) {
            table.insert(name, AMQPValue::LongString(value.as_str().into()));
        }
    }
    let Counters { retries, panics, redeliveries, deaths } = counters;
    for (name, count) in [(RETRIES, retries), (PANICS, panics), (REDELIVERIES, redeliveries), (DEATHS, deaths)] {
        if count > 0 {
            table.insert(name.into(), AMQPValue::LongLongInt(count.into()));
        }
    }
    table
}

/// Notes why a message was given up, and where it came from.
pub(crate) fn bury(headers: &mut FieldTable, queue: &str, reason: &str) {
    let (time, reason) = (Timestamp::now().to_string(), DeadLetter::brief(reason));
    for (name, value) in [(REASON, reason.as_ref()), (QUEUE, queue), (TIME, time.as_str())] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
}

/// The properties of a message, or why it cannot be sent.
pub(crate) fn properties(message: &Message, headers: FieldTable) -> Result<BasicProperties, String> {
    let content = if message.is_binary() { "application/octet-stream" } else { "application/cloudevents+json" };
    let short = |what: &str, text: &str| ShortString::try_new(text).map_err(|e| format!("its {what}: {e}"));
    Ok(BasicProperties::default()
        .with_content_type(content.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short("id", &message.id)?)
        .with_type(short("type", &message.kind)?)
        .with_headers(headers))
}

/// A message that came, with what is remembered of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) counters: Counters,
    /// Whether it is a message of this bus: one without id or type cannot be handled.
    pub(crate) complete: bool,
}

/// Reads a delivery.
pub(crate) fn received(properties: &BasicProperties, body: Vec<u8>) -> Received {
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let (id, kind) = (text(properties.message_id()), text(properties.kind()));
    let empty = FieldTable::default();
    let table = properties.headers().as_ref().unwrap_or(&empty);
    let count = |name: &str| table.inner().get(name).and_then(number).unwrap_or(0);
    let counters = Counters {
        retries: count(RETRIES),
        panics: count(PANICS),
        redeliveries: count(REDELIVERIES).saturating_add(count(DELIVERY_COUNT)),
        deaths: count(DEATHS),
    };
    let complete = !id.is_empty() && !kind.is_empty();
    // So that it can be named among the dead letters.
    let id = if id.is_empty() { format!("unnamed-{}", Uuid::now_v7()) } else { id };
    Received { message: Message { id, kind, body: body.into(), headers: strings(table) }, counters, complete }
}

/// How often a message has been delivered from the queue it is in.
pub(crate) fn deliveries(properties: &BasicProperties) -> u32 {
    properties.headers().as_ref().and_then(|table| table.inner().get(DELIVERY_COUNT)).and_then(number).unwrap_or(0)
}

/// The headers that are the message's own.
fn strings(table: &FieldTable) -> BTreeMap<String, String> {
    let ours = |name: &str| [RETRIES, PANICS, REDELIVERIES, DEATHS].contains(&name) || name.starts_with("x-");
    let values = table.inner().iter().filter(|(name, _)| !ours(name.as_str()));
    values.filter_map(|(name, value)| Some((name.to_string(), string(value)?))).collect()
}

fn string(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn number(value: &AMQPValue) -> Option<u32> {
    let number = match value {
        AMQPValue::ShortShortInt(n) => i64::from(*n),
        AMQPValue::ShortShortUInt(n) => i64::from(*n),
        AMQPValue::ShortInt(n) => i64::from(*n),
        AMQPValue::ShortUInt(n) => i64::from(*n),
        AMQPValue::LongInt(n) => i64::from(*n),
        AMQPValue::LongUInt(n) => i64::from(*n),
        AMQPValue::LongLongInt(n) => *n,
        _ => return None,
    };
    u32::try_from(number).ok()
}
