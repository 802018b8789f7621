//! Batches as ingest makes them.

use std::time::Duration;

use ballots::{BallotLog, Incoming};
use bytes::Bytes;
use contests::{
    Ballot, Batch, Definition, Entry, Value, Verdict,
    batch::{Header, append_one},
};
use jiff::Timestamp;
use testkit::until;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(60);

/// A contest of one text and one number; `voters` is YAML.
pub fn contest(voters: &str) -> Definition {
    let file = format!(
        "name: c\ntitle: C\nkind: votes\nfields:\n  name: {{type: string}}\n  rank: {{type: integer, min: 1, max: 5}}\n\
         tallies:\n  names: {{by: [name]}}\n{voters}"
    );
    Definition::parse(&file).expect("a contest")
}

pub struct Made {
    pub definition: Definition,
    pub header: Header,
    pub dead: Vec<usize>,
    segments: Vec<u8>,
}

impl Made {
    pub fn new(definition: &Definition) -> Self {
        let header = Header {
            batch: Uuid::now_v7(),
            contest: definition.name.clone(),
            kind: definition.kind,
            revision: definition.revision(),
            words: vec![],
            slot: 3,
            producer: Uuid::from_u128(7),
            number: 1,
            ballots: 0,
            cumulative: 0,
            confirmed: 0,
            last: false,
            time: Timestamp::from_millisecond(1_790_000_000_000).expect("a time"),
            fields: definition.field_heads(),
        };
        Self { definition: definition.clone(), header, dead: vec![], segments: vec![] }
    }

    /// A ballot with an id of its client's.
    pub fn ballot(self, id: &str, name: &str, voter: Option<&str>) -> Self {
        self.cast("", Uuid::nil(), Some(id), name, voter)
    }

    pub fn cast(mut self, caller: &str, request: Uuid, id: Option<&str>, name: &str, voter: Option<&str>) -> Self {
        let values = vec![Value::Text(name.to_owned().into()), Value::Integer(3)];
        let ballot = Ballot { id: id.map(Into::into), voter: voter.map(Into::into), values };
        append_one(&mut self.segments, caller, request, &ballot);
        self.header.ballots += 1;
        self.header.cumulative += 1;
        self
    }

    pub fn at(mut self, milliseconds: i64) -> Self {
        self.header.time = Timestamp::from_millisecond(milliseconds).expect("a time");
        self
    }

    pub fn body(&self) -> Bytes {
        self.header.encode(&self.segments).into()
    }

    pub async fn insert(&self, log: &dyn BallotLog) -> Vec<Verdict> {
        insert(log, &[self]).await.remove(0)
    }

    /// The entry of a batch with these verdicts.
    pub fn entry(&self, verdicts: &[Verdict]) -> Entry {
        let body = self.body();
        let batch = Batch::decode(&body).expect("a batch");
        Entry::fold(&self.definition, &batch, verdicts).expect("a verdict each")
    }
}

pub async fn insert(log: &dyn BallotLog, batches: &[&Made]) -> Vec<Vec<Verdict>> {
    let bodies: Vec<Bytes> = batches.iter().map(|made| made.body()).collect();
    let decoded: Vec<Batch<'_>> = bodies.iter().map(|body| Batch::decode(body).expect("a batch")).collect();
    let incoming = batches.iter().zip(&decoded).zip(&bodies).map(|((made, batch), body)| Incoming {
        batch,
        body: body.clone(),
        dead: &made.dead,
        definition: &made.definition,
    });
    let incoming: Vec<Incoming<'_>> = incoming.collect();
    // As tally does: a busy server has no answer in time, and a batch that comes again has its verdicts.
    until("an answer", LONG, || log.insert(&incoming)).await.expect("an answer")
}
