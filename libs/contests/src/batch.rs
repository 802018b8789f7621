//! Batches: one message of ballots, in a compact binary form.
//!
//! A body is a header, then segments until its end, one a request. Numbers are LEB128, texts a length and UTF-8, ids 16
//! bytes; a ballot is its values by position. Names and types of the fields stand in the header, so a batch can be
//! read without its definition. Decoding is total: it never panics, and takes memory in proportion to the body only.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    ballot::Value,
    definition::{Kind, Revision},
};

mod decode;
mod encode;
mod readable;
#[cfg(test)]
mod tests;
mod wire;

pub use decode::Malformed;
pub use encode::{Segment, append_one};

/// The CloudEvents type of a batch.
pub const TYPE: &str = "dev.marea.ballots.v1";
/// The most bytes of a batch's body.
pub const MAX_BYTES: usize = 256 * 1024;
/// The most bytes of a header: segments of at most [`MAX_BYTES`] less this fit into a batch.
pub const MAX_HEADER: usize = 2 * 1024;

/// What a batch says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The batch's id: a UUID of version 7.
    pub batch: Uuid,
    /// The contest's name.
    pub contest: String,
    /// Votes or scores.
    pub kind: Kind,
    /// The definition that ingest checked by.
    pub revision: Revision,
    /// The lane's words of the routing key.
    pub words: Vec<String>,
    /// The slot of the counters that it adds to.
    pub slot: u16,
    /// The process of ingest that made it.
    pub producer: Uuid,
    /// Its number among the producer's batches of the contest, from 1, without gaps.
    pub number: u64,
    /// How many ballots it carries; 0: a beat.
    pub ballots: u32,
    /// The producer's ballots of the contest up to and with this batch.
    pub cumulative: u64,
    /// The number up to which all of the producer's batches of the contest are confirmed.
    pub confirmed: u64,
    /// Whether it is the producer's last of the contest.
    pub last: bool,
    /// When it was cut, in whole milliseconds, not before 1970.
    pub time: Timestamp,
    /// The fields of its ballots.
    pub fields: Vec<FieldHead>,
}

/// Name and type of a field, so that a batch can be read without its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldHead {
    /// Its name.
    pub name: String,
    /// Whether it holds whole numbers; else text.
    pub integer: bool,
}

/// A ballot's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id<'a> {
    /// The client's own.
    Client(&'a str),
    /// Of a request with one ballot: `<request>`.
    Request(Uuid),
    /// Of a request with many: `<request>.<index>`.
    Indexed(Uuid, u32),
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => f.write_str(id),
            Self::Request(request) => write!(f, "{request}"),
            Self::Indexed(request, index) => write!(f, "{request}.{index}"),
        }
    }
}

/// One ballot of a decoded batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast<'a> {
    /// Who sent it: a token's tenant, or empty.
    pub caller: &'a str,
    /// Its id; unique within contest and caller.
    pub id: Id<'a>,
    /// Who voted.
    pub voter: Option<&'a str>,
    /// Where its values begin; [`Batch::values`] gives them.
    at: usize,
}

/// A decoded batch; it borrows the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<'a> {
    /// What it says about itself.
    pub header: Header,
    /// Its ballots, by position.
    pub casts: Vec<Cast<'a>>,
    values: Vec<Value<'a>>,
}

impl<'a> Batch<'a> {
    /// The values of one ballot, in the order of the header's fields.
    pub fn values(&self, cast: &Cast<'a>) -> &[Value<'a>] {
        self.values.get(cast.at..cast.at + self.header.fields.len()).unwrap_or_default()
    }
}
