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

    /// Reads a body: an object is one ballot, an array is at most `max`, by position. One of an array that is no JSON is not
    /// good; the others are what they are.
    ///
    /// # Errors
    /// Where `json` is neither one JSON value nor an array with an end, or has too many ballots: then none of them is good.
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
        let read = read.map_err(|e| if many.full { BodyError::TooMany { max } } else { json_error(&e) });
        let read = read.and_then(|ballots| deserializer.end().map(|()| ballots).map_err(|e| json_error(&e)));
        match &read {
            Err(BodyError::Json { .. }) => elements(json, max).map_or(read, |found| self.each(&found, voter, max)),
            _ => read,
        }
    }

    /// Reads each by itself, as lines are read.
    fn each<'a>(
        &self,
        elements: &[&'a [u8]],
        voter: Option<&'a str>,
        max: usize,
    ) -> Result<Vec<Outcome<'a>>, BodyError> {
        if elements.len() > max {
            return Err(BodyError::TooMany { max });
        }
        let one = |json: &&'a [u8]| {
            self.ballot(json, voter).unwrap_or_else(|error| {
                let message = match error {
                    BodyError::Json { line, column, message } => {
                        format!("{message} (line {line}, column {column} of the ballot)")
                    }
                    error @ BodyError::TooMany { .. } => error.to_string(),
                };
                Err(vec![Fault::new("", "invalid_json", message)])
            })
        };
        Ok(elements.iter().map(one).collect())
    }
}

/// Where the elements of an array are, by its brackets and commas alone; `None` where those are not an array's. Of more than
/// `max` one more.
fn elements(json: &[u8], max: usize) -> Option<Vec<&[u8]>> {
    let (mut depth, mut start, mut elements) = (0_usize, 0, Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in json.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                start = if depth == 1 { at + 1 } else { start };
            }
            b',' | b']' | b'}' if depth == 1 => {
                if json[start..at].trim_ascii().is_empty() {
                    return None;
                }
                elements.push(json[start..at].trim_ascii());
                if elements.len() > max {
                    return Some(elements);
                }
                start = at + 1;
                if *byte != b',' {
                    let whole = *byte == b']' && json[start..].trim_ascii().is_empty();
                    return whole.then_some(elements);
                }
            }
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
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
