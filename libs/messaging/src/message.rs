//! Messages, and where they go.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Fact;
use jiff::Timestamp;
use serde::Serialize;

use crate::PublishError;
use crate::topology::{Queue, Step};

/// One message: a CloudEvent 1.0 in structured JSON for facts and commands.
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
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// Its body, as text.
    pub body: String,
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

/// Refuses what the bus must not carry: ids travel there, not content.
pub(crate) fn check_size(message: &Message) -> Result<(), PublishError> {
    let (bytes, limit) = (message.body.len(), domain::limits::MESSAGE_BYTES);
    if bytes <= limit {
        return Ok(());
    }
    Err(PublishError::Refused(format!("its body has {bytes} bytes, and {limit} are the limit")))
}
