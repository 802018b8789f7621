//! A request's many ballots, on their way to lanes.

use std::{collections::VecDeque, sync::Arc};

use contests::{
    Ballot, Fault,
    batch::{Id, Segment},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use crate::{
    Ingest,
    commit::{Outcome, Ticket},
    contest::Contest,
};

/// Bytes of a segment from which on it goes to its lane.
pub(crate) const SEGMENT_BYTES: usize = 32 << 10;
/// The few bytes of a segment's head.
const HEAD_BYTES: usize = 128;
/// Batches that one request may wait for at a time: bounds what a stream holds.
const OUTSTANDING: usize = 8;
/// Ballots that are not good which an answer names.
const SHOWN: usize = 100;

/// A ballot that is not good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rejected {
    /// From 0, in the array; the line, from 0, of NDJSON.
    pub position: u32,
    /// The field; empty where it is about the whole ballot.
    pub field: String,
    /// A stable `snake_case` word for programs.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// A sentence for a person: what was expected.
    pub message: String,
}

/// What became of a request's ballots.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Ballots that a quorum has.
    pub accepted: u64,
    /// Ballots that are on their way.
    pub unknown: u64,
    /// Ballots that were not published, and will not be.
    pub refused: u64,
    /// The first good ballot's id, and the last's.
    pub ids: Option<(String, String)>,
    /// The first that are not good.
    pub rejected: Vec<Rejected>,
    /// How many are not good.
    pub rejections: u64,
}

/// Puts a request's ballots into lanes, and waits for their batches.
pub struct Gatherer {
    ingest: Ingest,
    contest: Arc<Contest>,
    caller: Arc<str>,
    request: Uuid,
    segments: Vec<Segment>,
    waiting: VecDeque<(Arc<Ticket>, u32)>,
    /// Whether the request has one ballot only, whose id is the request's own.
    single: bool,
    tally: Tally,
    last: Option<(Option<String>, u32)>,
    /// Whether some were given an id: those are told of, for their senders know the others.
    given: bool,
}

/// An id that nobody can guess, and so occupy: 74 random bits.
pub fn request_id() -> Uuid {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

impl Gatherer {
    /// Begins a request of ballots of one contest.
    pub fn new(ingest: &Ingest, contest: Arc<Contest>, caller: Arc<str>, single: bool) -> Self {
        let segments = vec![Segment::default(); contest.lanes.len()];
        let (waiting, tally, last, given) = Default::default();
        let ingest = ingest.clone();
        Self { ingest, contest, caller, request: request_id(), segments, waiting, single, tally, last, given }
    }

    /// Goes on under another revision of the contest, everything being handed over.
    pub fn follow(&mut self, contest: Arc<Contest>) {
        self.segments = vec![Segment::default(); contest.lanes.len()];
        self.contest = contest;
    }

    /// Takes a ballot by its position in the request.
    pub fn add(&mut self, position: u32, ballot: Ballot<'_>) {
        let (contest, own) = (self.contest.clone(), ballot.id.as_deref().map(str::to_owned));
        let ballot = if contest.definition.draws() {
            let id = match &own {
                Some(own) => Id::Client(own),
                None if self.single => Id::Request(self.request),
                None => Id::Indexed(self.request, position),
            };
            self.ingest.drawn(&contest, &self.caller, &id, ballot)
        } else {
            ballot
        };
        let at = contest.definition.lane(&ballot.values);
        let given = own.is_none();
        if self.tally.ids.is_none() || (given && !self.given) {
            let first = self.id(own.as_deref(), position);
            self.tally.ids = Some((first.clone(), first));
        }
        if self.single && own.is_none() {
            self.single_segment(at, &ballot);
        } else if let Some(segment) = self.segments.get_mut(at) {
            segment.push(position, &ballot);
            if segment.bytes() >= SEGMENT_BYTES {
                self.hand_over(at);
            }
        }
        if given || !self.given {
            self.last = Some((own, position));
        }
        self.given |= given;
    }

    /// Notes a ballot that is not good.
    pub fn reject(&mut self, position: u32, faults: Vec<Fault>) {
        self.tally.rejections += 1;
        for Fault { field, code, message } in faults {
            self.ingest.0.commit.meters.rejected(code);
            if self.tally.rejected.len() < SHOWN {
                self.tally.rejected.push(Rejected { position, field, code, message });
            }
        }
    }

    fn id(&self, own: Option<&str>, position: u32) -> String {
        match own {
            Some(own) => own.to_owned(),
            None if self.single => self.request.to_string(),
            None => format!("{}.{position}", self.request),
        }
    }

    fn single_segment(&mut self, at: usize, ballot: &Ballot<'_>) {
        let mut bytes = Vec::new();
        contests::batch::append_one(&mut bytes, &self.caller, self.request, ballot);
        let ticket = self.contest.lanes[at].gather(bytes.len(), 1, |out| out.extend_from_slice(&bytes));
        self.wait_for(ticket, 1);
    }

    fn hand_over(&mut self, at: usize) {
        let (segment, caller, request) = (&mut self.segments[at], &self.caller, self.request);
        let ballots = segment.ballots();
        if ballots > 0 {
            let room = segment.bytes() + HEAD_BYTES + caller.len();
            let ticket = self.contest.lanes[at].gather(room, ballots, |out| segment.finish(out, caller, request));
            self.wait_for(ticket, ballots);
        }
    }

    fn wait_for(&mut self, ticket: Option<Arc<Ticket>>, ballots: u32) {
        match (ticket, self.waiting.back_mut()) {
            (None, _) => self.tally.refused += u64::from(ballots),
            (Some(ticket), Some((last, count))) if Arc::ptr_eq(&ticket, last) => *count += ballots,
            (Some(ticket), _) => self.waiting.push_back((ticket, ballots)),
        }
    }

    /// Hands all over, and waits until few batches are outstanding.
    pub async fn flush(&mut self) {
        (0..self.segments.len()).for_each(|at| self.hand_over(at));
        while self.waiting.len() > OUTSTANDING {
            self.settle_one().await;
        }
    }

    /// Whether something was not confirmed in time: more of it would not be either.
    pub fn failed(&self) -> bool {
        self.tally.unknown > 0 || self.tally.refused > 0
    }

    /// Hands all over, and waits for everything.
    pub async fn finish(mut self) -> Tally {
        (0..self.segments.len()).for_each(|at| self.hand_over(at));
        while !self.waiting.is_empty() {
            self.settle_one().await;
        }
        if let Some((own, position)) = self.last.take() {
            let last = self.id(own.as_deref(), position);
            self.tally.ids = self.tally.ids.map(|(first, _)| (first, last));
        }
        self.tally
    }

    async fn settle_one(&mut self) {
        let Some((ticket, ballots)) = self.waiting.pop_front() else { return };
        let counter = match ticket.wait().await {
            Outcome::Confirmed => &mut self.tally.accepted,
            Outcome::Unknown => &mut self.tally.unknown,
            Outcome::NotAccepted => &mut self.tally.refused,
        };
        *counter += u64::from(ballots);
    }
}
