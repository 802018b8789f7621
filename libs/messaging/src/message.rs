//! Messages, and where they go.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::Bytes;
use domain::Fact;
use jiff::Timestamp;
use serde::Serialize;

use crate::PublishError;
use crate::topology::{GROUP_QUEUES, Queue, Step};

/// One message: a CloudEvent 1.0, in structured JSON for facts and commands, in binary form for ballots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique and derived from what it says, so that one published twice has one id.
    pub id: String,
    /// Its type with its version, for example `dev.marea.task.applied.v1`.
    pub kind: String,
    /// The body.
    pub body: Bytes,
    /// Further headers: `traceparent`, …
    pub headers: BTreeMap<String, String>,
}

/// Where a message goes.
#[derive(Debug, Clone)]
pub enum Route {
    /// To every queue that is bound to the fact's type in the exchange `marea.tasks`.
    Fact(&'static str),
    /// To exactly one queue.
    Queue(&'static Queue),
    /// To exactly one queue, after a delay.
    Delayed(Step, &'static Queue),
    /// To one queue of a group of ballots' queues, which is made where it is absent.
    Ballots {
        /// The routing key without group and index: `<kind>.<contest>[.<value>…]`.
        key: Arc<str>,
        /// One of [`GROUPS`](crate::topology::GROUPS).
        group: &'static Queue,
        /// Below [`GROUP_QUEUES`]; any will do. (The embedded bus has one queue a group.)
        index: usize,
    },
    /// To the dead letters, as if it had come from that queue, for that reason: what a handler takes out of a message
    /// whose rest is good. A message published again with its id may be there twice.
    Dead(&'static Queue, String),
}

/// A message that was given up, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The queue that it came from.
    pub queue: String,
    /// Why it was given up, in 4 KiB at most.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// Its body: as text, or in base64 where it is binary.
    pub body: String,
}

/// Bytes of a reason. It is a header, which fits into one frame or the broker ends the connection; and a reason may quote
/// what a message brought, of any length.
const REASON: usize = 4 << 10;

impl DeadLetter {
    /// A reason as it is kept.
    pub(crate) fn brief(reason: &str) -> Cow<'_, str> {
        const MORE: char = '…';
        if reason.len() <= REASON {
            return Cow::Borrowed(reason);
        }
        let kept = reason.floor_char_boundary(REASON - MORE.len_utf8());
        Cow::Owned(format!("{}{MORE}", &reason[..kept]))
    }

    /// The body as one may read it: as text, or in base64 where the message is binary.
    pub(crate) fn readable(message: &Message) -> String {
        let text = if message.is_binary() { None } else { std::str::from_utf8(&message.body).ok() };
        text.map_or_else(|| BASE64.encode(&message.body), str::to_owned)
    }
}

/// The envelope of CloudEvents 1.0, structured mode.
#[derive(serde::Serialize, serde::Deserialize)]
struct CloudEvent<T> {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    time: Timestamp,
    subject: String,
    datacontenttype: String,
    data: T,
}

/// Headers of a CloudEvent in binary form.
const SPECVERSION: &str = "ce-specversion";
const TIME: &str = "ce-time";
const SUBJECT: &str = "ce-subject";

/// Of the envelope only its time.
#[derive(serde::Deserialize)]
struct Time {
    time: Timestamp,
}

/// A body that is not what its type says: poison.
#[derive(Debug, thiserror::Error)]
#[error("not a CloudEvent of type `{expected}`: {source}")]
pub struct Undecodable {
    expected: &'static str,
    source: serde_json::Error,
}

impl Message {
    /// A message that carries `data` in a CloudEvent of type `dev.marea.<name>.v1`.
    pub fn event<T: Serialize>(name: &str, id: String, subject: String, time: Timestamp, data: &T) -> Self {
        let kind = format!("dev.marea.{name}.v1");
        let event = CloudEvent {
            specversion: "1.0".to_owned(),
            id: id.clone(),
            source: "/marea".to_owned(),
            kind: kind.clone(),
            time,
            subject,
            datacontenttype: "application/json".to_owned(),
            data,
        };
        let body = serde_json::to_vec(&event).expect("our own types have string keys only");
        Self { id, kind, body: body.into(), headers: BTreeMap::new() }
    }

    /// A message whose body is the data itself: a CloudEvent in binary form, its attributes in headers `ce-…`.
    pub fn binary(kind: &str, id: String, subject: &str, time: Timestamp, body: Bytes) -> Self {
        let attributes = [
            (SPECVERSION, "1.0".to_owned()),
            ("ce-id", id.clone()),
            ("ce-source", "/marea".to_owned()),
            ("ce-type", kind.to_owned()),
            (TIME, time.to_string()),
            (SUBJECT, subject.to_owned()),
        ];
        let headers = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { id, kind: kind.to_owned(), body, headers }
    }

    /// Whether it is in binary form.
    pub fn is_binary(&self) -> bool {
        self.headers.contains_key(SPECVERSION)
    }

    /// What one in binary form is about.
    pub fn subject(&self) -> Option<&str> {
        self.headers.get(SUBJECT).map(String::as_str)
    }

    /// When what it says happened, where it says so.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        if self.is_binary() {
            return self.headers.get(TIME)?.parse().ok();
        }
        serde_json::from_slice(&self.body).ok().map(|Time { time }| time)
    }

    /// The message that carries a fact.
    pub fn fact(fact: &Fact) -> Self {
        Self::event(fact.body.type_name(), fact.message_id(), fact.key().to_string(), fact.time, fact)
    }

    /// The same message with the header `traceparent`, where there is one.
    #[must_use]
    pub fn traced(mut self, traceparent: Option<&str>) -> Self {
        if let Some(parent) = traceparent {
            self.headers.insert("traceparent".to_owned(), parent.to_owned());
        }
        self
    }

    /// The data inside the CloudEvent.
    pub fn data<T: serde::de::DeserializeOwned>(&self) -> Result<T, Undecodable> {
        let decoded: Result<CloudEvent<T>, _> = serde_json::from_slice(&self.body);
        decoded.map(|e| e.data).map_err(|source| Undecodable { expected: std::any::type_name::<T>(), source })
    }
}

/// Refuses a queue that a group cannot have.
pub(crate) fn check_member(group: &Queue, index: usize) -> Result<(), PublishError> {
    if group.grouped && index < GROUP_QUEUES {
        return Ok(());
    }
    Err(PublishError::Refused(format!("`{}` has no queue {index}", group.name)))
}

/// Refuses what the bus must not carry: ids travel there, not content.
pub(crate) fn check_size(message: &Message) -> Result<(), PublishError> {
    let (bytes, limit) = (message.body.len(), domain::limits::MESSAGE_BYTES);
    if bytes <= limit {
        return Ok(());
    }
    Err(PublishError::Refused(format!("its body has {bytes} bytes, and {limit} are the limit")))
}
