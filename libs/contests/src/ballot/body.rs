//! A request's body: one ballot, or an array of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::{Ballot, Fault, read::One};
use crate::definition::Definition;

/// One ballot of a body: checked, or what is wrong with it.
pub type Outcome<'a> = Result<Ballot<'a>, Vec<Fault>>;

/// Why a whole body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is not JSON.
    #[error("expected JSON: {message} (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1, in bytes; 0 where the line ended.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// It is an array of too many ballots.
    #[error("expected at most {max} ballots in one array; send more as NDJSON or in several requests")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
}

impl Definition {
    /// Reads one ballot, for example a line of NDJSON. `voter` (as [`super::voter`] gives it) votes where the ballot
    /// names nobody. What a ballot lacks and the contest draws stays missing until [`Definition::draw`].
    ///
    /// # Errors
    /// Where `json` is not one JSON value; what is wrong with the ballot itself is in the outcome.
    pub fn ballot<'a>(&self, json: &'a [u8], voter: Option<&'a str>) -> Result<Outcome<'a>, BodyError> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let read = One { definition: self, voter }.deserialize(&mut deserializer);
        let ballot = read.map_err(|e| json_error(&e))?;
        deserializer.end().map_err(|e| json_error(&e))?;
        Ok(ballot)
    }

    /// Reads a body: an object is one ballot, an array is at most `max`, by position.
    ///
    /// # Errors
    /// Where `json` is not one JSON value, or has too many ballots: then none of them is good.
    pub fn ballots<'a>(
        &self,
        json: &'a [u8],
        voter: Option<&'a str>,
        max: usize,
    ) -> Result<Vec<Outcome<'a>>, BodyError> {
        if json.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'[') {
            return Ok(vec![self.ballot(json, voter)?]);
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let mut many = Many { one: One { definition: self, voter }, max, full: false };
        let read = (&mut deserializer).deserialize_seq(&mut many);
        let ballots = read.map_err(|e| if many.full { BodyError::TooMany { max } } else { json_error(&e) })?;
        deserializer.end().map_err(|e| json_error(&e))?;
        Ok(ballots)
    }
}

fn json_error(error: &serde_json::Error) -> BodyError {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    BodyError::Json { line, column, message }
}

struct Many<'d, 'v> {
    one: One<'d, 'v>,
    max: usize,
    full: bool,
}

impl<'de: 'v, 'v> Visitor<'de> for &mut Many<'_, 'v> {
    type Value = Vec<Outcome<'v>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of ballots")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut ballots = Vec::new();
        while let Some(ballot) = seq.next_element_seed(self.one)? {
            if ballots.len() == self.max {
                self.full = true;
                return Err(A::Error::custom("too many"));
            }
            ballots.push(ballot);
        }
        Ok(ballots)
    }
}
