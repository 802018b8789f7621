//! The definition of a contest: one YAML file, checked.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod canonical;
mod duration;
mod parse;
mod reader;
#[cfg(test)]
mod tests;
mod tree;

/// The most fields that a ballot has.
pub const MAX_FIELDS: usize = 16;
/// The most characters of a text that a definition may allow.
pub const MAX_TEXT: usize = 1_000;
/// The most characters of a text where the definition does not say.
pub const DEFAULT_TEXT: usize = 200;
/// The greatest integer that a field takes, and its negative the least, where the definition does not say less: a
/// batch of as many as there can be still sums to what every counter holds exactly, 2^53.
pub const MAX_INTEGER: i64 = 1_000_000_000_000;
/// The most keys that a tally may be allowed.
pub const MAX_KEYS: usize = 100_000;
/// The most keys of a tally where the definition does not say.
pub const DEFAULT_KEYS: usize = 10_000;
/// The most lanes of a contest: each may have a batch in the making.
pub const MAX_LANES: usize = 256;

/// Whether a contest takes votes or scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Votes, of voters.
    Votes,
    /// Scores, of judges.
    Scores,
}

impl Kind {
    /// The kind as it stands in routing keys and paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Scores => "scores",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What tells one content of a definition from another: the first 64 bits of SHA-256 of its canonical JSON, written
/// as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a revision is 16 lower case hexadecimal digits")]
pub struct InvalidRevision;

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let value = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or(InvalidRevision)
    }
}

impl TryFrom<String> for Revision {
    type Error = InvalidRevision;

    fn try_from(text: String) -> Result<Self, InvalidRevision> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

/// A checked contest. Made by [`Definition::parse`]; positions refer to `fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Its name: `[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?`.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// Votes or scores.
    pub kind: Kind,
    /// What a ballot says, in the order of the file: 1 to [`MAX_FIELDS`].
    pub fields: Vec<Field>,
    /// What is counted, in the order of the file: at least one.
    pub tallies: Vec<Tally>,
    /// The position of the tally that standings show first.
    pub board: usize,
    /// The fields whose values are words of the routing key.
    pub route_by: Vec<usize>,
    /// Every routing key that a ballot can have; [`Definition::lane`] picks.
    pub lanes: Vec<Lane>,
    /// What is asked of voters.
    pub voters: Voters,
    /// When ballots are taken, gate aside.
    pub open: Window,
    /// Names that the public log leaves out: fields, `voter`.
    pub hidden: Vec<String>,
    /// For how long rows of the log are kept after they were cast; none: for ever.
    pub retention: Option<Duration>,
    /// Whether only a bearer token with scope `ballots` may cast.
    pub tokens: bool,
    /// The routes as the file has them; `lanes` is what they come to.
    pub(crate) queues: Vec<Queue>,
    pub(crate) revision: Revision,
    pub(crate) canonical: String,
}

/// One field of a ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name: `[a-z][a-z0-9_]{0,39}`, never `id` or `voter`.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
    /// Whether a ballot may lack it.
    pub optional: bool,
    /// Whether it is drawn where a ballot lacks it; its shape has values.
    pub draw: bool,
}

impl Field {
    /// How many values it may have, being missing among them; as many as can be counted where anything goes.
    fn possible(&self) -> u64 {
        let values = match &self.shape {
            Shape::Text { values, .. } if values.is_empty() => u64::MAX,
            Shape::Text { values, .. } => values.len() as u64,
            Shape::Integer { min, max } => max.abs_diff(*min).saturating_add(1),
        };
        values.saturating_add(u64::from(self.optional))
    }
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A text of 1 to `max_length` characters, trimmed, without control characters; where `values` is not empty, one
    /// of them.
    Text {
        /// The most characters.
        max_length: usize,
        /// What it may be; empty: anything.
        values: Vec<String>,
    },
    /// A whole number from `min` to `max`.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
}

impl Shape {
    /// What the field may be; empty: anything of its type.
    pub fn values(&self) -> &[String] {
        match self {
            Self::Text { values, .. } => values,
            Self::Integer { .. } => &[],
        }
    }
}

/// What a ballot must say to be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The field's position.
    pub field: usize,
    /// Its value.
    pub value: Wanted,
}

/// The value of a [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Wanted {
    /// This text.
    Text(String),
    /// This number.
    Integer(i64),
}

/// One thing that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Its name: `[a-z][a-z0-9_]{0,39}`.
    pub name: String,
    /// The fields whose values make the key, in order.
    pub by: Vec<usize>,
    /// The integer field that is summed; none: ballots are counted.
    pub sum: Option<usize>,
    /// Which ballots it counts: those that meet all.
    pub conditions: Vec<Condition>,
    /// How many keys it has at most; ballots of any other key add to its others.
    pub max_keys: usize,
}

/// One queue group and the ballots that go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    pub group: String,
    pub conditions: Vec<Condition>,
}

/// The ballots that share a routing key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The route fields' values, each as a word of the routing key (`[a-z0-9_-]+`).
    pub words: Vec<String>,
    /// `<kind>.<contest>[.<word>…]`, without the queue group.
    pub key: String,
    /// The queue group: `votes`, `winners`, ….
    pub group: String,
}

/// What is asked of voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Voters {
    /// Whether a ballot must name its voter.
    pub required: bool,
    /// How many ballots of a voter count; none: all.
    pub max_ballots: Option<u32>,
    /// Within which time; none: the whole contest.
    pub every: Option<Duration>,
}

/// When a contest takes ballots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// From then on; none: from the beginning.
    pub from: Option<Timestamp>,
    /// Until then, exclusive; none: for ever.
    pub to: Option<Timestamp>,
}

impl Definition {
    /// The revision of this content.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The content as canonical JSON: the file's own shape and order, without defaults. [`Definition::parse`] reads
    /// it back to an equal definition.
    pub fn canonical_json(&self) -> &str {
        &self.canonical
    }

    /// The position of a field by its name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// The tally of a name.
    pub fn tally(&self, name: &str) -> Option<&Tally> {
        self.tallies.iter().find(|t| t.name == name)
    }

    /// The first tally that counted something else in another revision: under one name, numbers of both would be added.
    pub fn redefined(&self, other: &Self) -> Option<&str> {
        let differs = |tally: &&Tally| {
            let then = other.tally(&tally.name);
            then.is_some_and(|then| canonical::meaning(other, then) != canonical::meaning(self, tally))
        };
        self.tallies.iter().find(differs).map(|tally| tally.name.as_str())
    }

    /// Whether ballots could bring a tally more keys than it may have.
    pub fn can_overflow(&self, tally: &Tally) -> bool {
        let possible = |field: &usize| self.fields.get(*field).map_or(1, Field::possible);
        tally.by.iter().map(possible).fold(1, u64::saturating_mul) > tally.max_keys as u64
    }

    /// Whether the public log leaves a name (of a field, or `voter`) out.
    pub fn is_hidden(&self, name: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == name)
    }

    /// Whether the public log shows a field: the contest has it, and does not hide it.
    pub fn shows(&self, name: &str) -> bool {
        self.position(name).is_some() && !self.is_hidden(name)
    }

    /// Whether a field is drawn where a ballot lacks it, so that a draw key is needed.
    pub fn draws(&self) -> bool {
        self.fields.iter().any(|f| f.draw)
    }
}

/// Whether a text can be a contest's name.
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
