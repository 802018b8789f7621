//! Encoding: ingest's hot path. A segment is encoded outside the lane's lock; under it, bytes are copied.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Batch, Header, Id,
    wire::{put_integer, put_number, put_text},
};
use crate::{
    ballot::{Ballot, Value},
    definition::Kind,
};

/// The first byte of a body.
pub(super) const VERSION: u8 = 1;
/// Bits of a header's flags.
pub(super) const SCORES: u8 = 1;
pub(super) const LAST: u8 = 2;
/// Bits of a segment's flags; [`OWN_ID`] and [`VOTER`] shifted by none are a ballot's, too.
pub(super) const OWN_ID: u64 = 1;
pub(super) const VOTER: u64 = 2;
pub(super) const SINGLE: u64 = 4;

impl Header {
    /// The body of a batch: this header and the segments, of which there are `ballots`.
    pub fn encode(&self, segments: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(segments.len() + 512);
        let scores = if self.kind == Kind::Scores { SCORES } else { 0 };
        out.extend_from_slice(&[VERSION, scores | if self.last { LAST } else { 0 }]);
        out.extend_from_slice(self.batch.as_bytes());
        out.extend_from_slice(self.producer.as_bytes());
        out.extend_from_slice(&self.revision.0.to_be_bytes());
        for number in [self.slot.into(), self.number, self.ballots.into(), self.cumulative, self.confirmed] {
            put_number(&mut out, number);
        }
        put_number(&mut out, millis(self.time));
        put_text(&mut out, &self.contest);
        put_number(&mut out, self.words.len() as u64);
        self.words.iter().for_each(|word| put_text(&mut out, word));
        put_number(&mut out, self.fields.len() as u64);
        for field in &self.fields {
            out.push(field.integer.into());
            put_text(&mut out, &field.name);
        }
        out.extend_from_slice(segments);
        out
    }
}

fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or_default()
}

/// Appends the segment of a request with one ballot, whose id is the client's or the request's.
pub fn append_one(out: &mut Vec<u8>, caller: &str, request: Uuid, ballot: &Ballot<'_>) {
    put_number(out, SINGLE | flags(ballot));
    put_text(out, caller);
    if ballot.id.is_none() {
        out.extend_from_slice(request.as_bytes());
    }
    put_ballot(out, ballot);
}

fn flags(ballot: &Ballot<'_>) -> u64 {
    (if ballot.id.is_some() { OWN_ID } else { 0 }) | if ballot.voter.is_some() { VOTER } else { 0 }
}

fn put_ballot(out: &mut Vec<u8>, ballot: &Ballot<'_>) {
    [&ballot.id, &ballot.voter].into_iter().flatten().for_each(|text| put_text(out, text));
    for value in &ballot.values {
        match value {
            Value::Missing => put_number(out, 0),
            Value::Text(text) => put_text(out, text),
            Value::Integer(number) => put_integer(out, *number),
        }
    }
}

/// The segment of a request with many ballots, in the making. May be filled, finished and used again.
#[derive(Debug, Clone, Default)]
pub struct Segment {
    encoded: Vec<u8>,
    ballots: u32,
    /// The index that comes next if none is left out.
    next: u32,
}

impl Segment {
    /// Adds a ballot by its index in the request; indexes grow.
    pub fn push(&mut self, index: u32, ballot: &Ballot<'_>) {
        let skipped = u64::from(index.saturating_sub(self.next));
        put_number(&mut self.encoded, skipped << 2 | flags(ballot));
        put_ballot(&mut self.encoded, ballot);
        self.next = index.saturating_add(1);
        self.ballots += 1;
    }

    /// How many ballots it has.
    pub fn ballots(&self) -> u32 {
        self.ballots
    }

    /// How many bytes it takes, the few of its head (caller, request, count) aside.
    pub fn bytes(&self) -> usize {
        self.encoded.len()
    }

    /// Appends the segment, if it has a ballot, and begins anew; the indexes go on from 0.
    pub fn finish(&mut self, out: &mut Vec<u8>, caller: &str, request: Uuid) {
        if self.ballots > 0 {
            put_number(out, 0);
            put_text(out, caller);
            out.extend_from_slice(request.as_bytes());
            put_number(out, self.ballots.into());
            out.extend_from_slice(&self.encoded);
        }
        self.encoded.clear();
        (self.ballots, self.next) = (0, 0);
    }
}

impl Batch<'_> {
    /// Some of the ballots, as batches of their own of at most so many bytes where it is not one ballot: what goes to
    /// the dead letters. Ids that were a request's and a position are written out, so that some ballots may take more
    /// than the whole batch did.
    pub fn extract_within(&self, positions: &[usize], bytes: usize) -> Vec<Vec<u8>> {
        let whole = self.extract(positions);
        match positions.split_at_checked(positions.len() / 2) {
            Some((one, other)) if whole.len() > bytes && !one.is_empty() => {
                let mut parts = self.extract_within(one, bytes);
                parts.extend(self.extract_within(other, bytes));
                parts
            }
            _ => vec![whole],
        }
    }

    /// Some of the ballots, as a batch of their own. Its id derives from this batch's and the first position, so a
    /// redelivery makes the same; it is its producer's only one, so that no audit misses a number when it is sent to
    /// the queue again.
    fn extract(&self, positions: &[usize]) -> Vec<u8> {
        let chosen: Vec<_> = positions.iter().filter_map(|p| self.casts.get(*p)).collect();
        let ballots = u32::try_from(chosen.len()).expect("a body has fewer bytes than that");
        let first = positions.first().copied().unwrap_or_default();
        let batch = Uuid::new_v5(&self.header.batch, format!("dead {first}").as_bytes());
        let mut segments = Vec::new();
        for cast in chosen {
            let (id, voter) = (cast.id.to_string(), cast.voter.map(Into::into));
            let (request, id) = match cast.id {
                Id::Request(request) => (request, None),
                Id::Client(_) | Id::Indexed(..) => (Uuid::nil(), Some(id.into())),
            };
            append_one(&mut segments, cast.caller, request, &Ballot { id, voter, values: self.values(cast).to_vec() });
        }
        let cumulative = ballots.into();
        let alone =
            Header { batch, producer: batch, number: 1, cumulative, confirmed: 0, last: true, ..self.header.clone() };
        Header { ballots, ..alone }.encode(&segments)
    }
}
