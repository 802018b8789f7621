//! A batch as a person may read it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Batch, Cast};
use crate::{
    ballot::Value,
    definition::{Kind, Revision},
};

/// Ballots that are shown of a batch: it may have thousands.
const SHOWN: usize = 100;

#[derive(Serialize)]
struct Readable<'a> {
    contest: &'a str,
    kind: Kind,
    revision: Revision,
    batch: Uuid,
    producer: Uuid,
    number: u64,
    time: Timestamp,
    ballots: usize,
    /// The first of them.
    first: Vec<Ballot<'a>>,
}

#[derive(Serialize)]
struct Ballot<'a> {
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    caller: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    voter: Option<&'a str>,
    fields: BTreeMap<&'a str, serde_json::Value>,
}

impl<'b> Batch<'b> {
    /// The batch as JSON: what it says of itself, how many ballots it has, and the first hundred of them.
    pub fn readable(&self) -> String {
        let header = &self.header;
        let readable = Readable {
            contest: &header.contest,
            kind: header.kind,
            revision: header.revision,
            batch: header.batch,
            producer: header.producer,
            number: header.number,
            time: header.time,
            ballots: self.casts.len(),
            first: self.casts.iter().take(SHOWN).map(|cast| self.read(cast)).collect(),
        };
        serde_json::to_string(&readable).expect("a batch has text keys only")
    }

    fn read<'a>(&'a self, cast: &Cast<'b>) -> Ballot<'a> {
        let value = |value: &Value<'_>| match value {
            Value::Missing => None,
            Value::Text(text) => Some(serde_json::Value::from(text.as_ref())),
            Value::Integer(number) => Some(serde_json::Value::from(*number)),
        };
        let named = self.header.fields.iter().zip(self.values(cast));
        let fields = named.filter_map(|(field, found)| Some((field.name.as_str(), value(found)?)));
        Ballot { id: cast.id.to_string(), caller: cast.caller, voter: cast.voter, fields: fields.collect() }
    }
}
