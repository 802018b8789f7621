//! Ballots that nobody honest sends.

use serde_json::{Map, Value};

use super::{csv, number, random::Random};
use crate::definition::{Definition, Shape};

/// One line of a generated file.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A ballot that the contest takes.
    Ballot(Map<String, Value>),
    /// A JSON object that it refuses.
    Refused(Map<String, Value>),
    /// Bytes that are not JSON.
    Broken(Vec<u8>),
}

impl Line {
    /// The line as NDJSON, without its end.
    pub fn json(&self) -> Vec<u8> {
        match self {
            Self::Ballot(ballot) | Self::Refused(ballot) => {
                serde_json::to_vec(ballot).expect("a map with text keys is JSON")
            }
            Self::Broken(bytes) => bytes.clone(),
        }
    }

    /// The line as CSV, without its end; what no column holds is left out.
    pub fn csv(&self, columns: &[&str]) -> Vec<u8> {
        let ballot = match self {
            Self::Ballot(ballot) | Self::Refused(ballot) => ballot,
            Self::Broken(bytes) => return bytes.clone(),
        };
        let cells: Vec<String> = columns.iter().map(|name| ballot.get(*name).map(cell).unwrap_or_default()).collect();
        csv(cells.iter().map(String::as_str)).into_bytes()
    }
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Spoils a ballot in one way.
pub(super) fn spoil(definition: &Definition, mut ballot: Map<String, Value>, random: &mut Random) -> Line {
    let chosen = random.below(definition.fields.len() as u64);
    let field = usize::try_from(chosen).ok().and_then(|i| definition.fields.get(i)).expect("below their number");
    let name = field.name.clone();
    let integer = matches!(field.shape, Shape::Integer { .. });
    let value: Value = match (random.below(9), integer, &field.shape) {
        (0, ..) => return Line::Broken(b"{\"name\": \"half a bal".to_vec()),
        (1, ..) => return Line::Broken(b"{\"name\": \"\xff\xfe\"}".to_vec()),
        (2, ..) => {
            ballot.insert("surprise".to_owned(), true.into());
            return Line::Refused(ballot);
        }
        (3, _, Shape::Integer { min, .. }) => number(min.saturating_sub(1)),
        (4, _, Shape::Integer { max, .. }) => number(max.saturating_add(1)),
        (5, true, _) => "five".into(),
        (6, true, _) => serde_json::json!(2.5),
        (3 | 4, _, Shape::Text { max_length, .. }) => "x".repeat(max_length + 1).into(),
        (5, false, _) => number(7),
        (6, false, _) => "a\u{0}b\u{1b}[31m".into(),
        (7, ..) => serde_json::json!({ "$ne": name }),
        _ => serde_json::json!([name]),
    };
    ballot.insert(name, value);
    Line::Refused(ballot)
}
