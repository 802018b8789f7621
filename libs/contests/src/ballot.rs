//! Ballots: what one voter or judge said, checked against a definition.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

mod body;
mod check;
mod draw;
mod read;
mod scalar;
#[cfg(test)]
mod tests;
mod values;

pub use body::{BodyError, Outcome};

/// The most characters of a client's own ballot id.
pub const MAX_ID: usize = 64;
/// The most characters that name a voter.
pub const MAX_VOTER: usize = 200;

/// The value of one field of a ballot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// The field is optional, and the ballot lacks it.
    Missing,
    /// A text, trimmed, never empty.
    Text(Cow<'a, str>),
    /// A whole number, above `i64::MIN`.
    Integer(i64),
}

/// One checked ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot<'a> {
    /// The client's own id: 1 to [`MAX_ID`] printable ASCII characters, without spaces.
    pub id: Option<Cow<'a, str>>,
    /// Who votes.
    pub voter: Option<Cow<'a, str>>,
    /// The fields' values, one for each field of the definition, in its order.
    pub values: Vec<Value<'a>>,
}

/// What is wrong with a ballot; one ballot may have several. Never repeats a value that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The field; empty where it is about the whole ballot.
    pub field: String,
    /// A stable `snake_case` word for programs.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// A sentence for a person: what was expected.
    pub message: String,
}

impl Fault {
    fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), code, message: message.into() }
    }
}

/// Whether a text can be a client's own ballot id.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A voter's name as it counts: trimmed; an empty one is none.
///
/// # Errors
/// Where it is longer than [`MAX_VOTER`] characters or has a control character.
pub fn voter(text: &str) -> Result<Option<&str>, Fault> {
    let text = text.trim();
    match check::text_fault(text, MAX_VOTER) {
        Some((code, message)) => Err(Fault::new("voter", code, message)),
        None => Ok(Some(text).filter(|t| !t.is_empty())),
    }
}
