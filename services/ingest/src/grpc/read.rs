//! From messages to ballots.

use std::borrow::Cow;

use contests::{Definition, Fault, Value, ballot::Outcome};

use crate::proto::{self, CastRequest, value::Value as Sent};

/// What a message's ballots are about: kept through a stream until another is named.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    contest: String,
    fields: Vec<String>,
}

impl Columns {
    pub(super) fn of(message: &CastRequest) -> Self {
        Self { contest: message.contest.clone(), fields: message.fields.clone() }
    }

    /// Takes what the next message of a stream names.
    pub(super) fn follow(&mut self, message: &CastRequest) {
        if !message.contest.is_empty() {
            self.contest.clone_from(&message.contest);
        }
        if !message.fields.is_empty() {
            self.fields.clone_from(&message.fields);
        }
    }

    pub(super) fn contest(&self) -> &str {
        &self.contest
    }

    /// The positions of the named fields in the definition.
    pub(super) fn places(&self, definition: &Definition) -> Result<Vec<usize>, String> {
        let mut places = Vec::with_capacity(self.fields.len());
        for name in &self.fields {
            let shown: String = name.chars().take(40).collect();
            let place = definition.position(name).ok_or_else(|| format!("the contest has no field `{shown}`"))?;
            if places.contains(&place) {
                return Err(format!("the field `{shown}` is named twice"));
            }
            places.push(place);
        }
        Ok(places)
    }
}

/// Checks one ballot; `voter` votes where it names nobody.
pub(super) fn ballot<'a>(
    definition: &Definition,
    places: &[usize],
    voter: &'a str,
    ballot: &'a proto::Ballot,
) -> Outcome<'a> {
    if ballot.values.len() != places.len() {
        let message = format!("expected {} values, one for each field that the message names", places.len());
        return Err(vec![Fault { field: String::new(), code: "wrong_count", message }]);
    }
    let mut values = vec![Value::Missing; definition.fields.len()];
    for (place, sent) in places.iter().zip(&ballot.values) {
        values[*place] = match &sent.value {
            None => Value::Missing,
            Some(Sent::Text(text)) => Value::Text(Cow::Borrowed(text)),
            Some(Sent::Integer(number)) => Value::Integer(*number),
        };
    }
    let voter = if ballot.voter.is_empty() { voter } else { &ballot.voter };
    definition.of_values(&ballot.id, voter, values)
}
