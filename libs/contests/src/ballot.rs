//! Ballots: what one voter or judge said, checked against a definition.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

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
    /// The client's own id: 1 to [`MAX_ID`] printable ASCII characters.
    pub id: Option<Cow<'a, str>>,
    /// Who votes.
    pub voter: Option<Cow<'a, str>>,
    /// The fields' values, one for each field of the definition, in its order.
    pub values: Vec<Value<'a>>,
}

/// What is wrong with a ballot; one ballot may have several.
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
