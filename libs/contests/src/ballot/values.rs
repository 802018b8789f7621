//! One ballot of values that are typed already, as gRPC carries it.

use std::borrow::Cow;

use super::{Ballot, Fault, Outcome, Value, check, is_id};
use crate::definition::Definition;

impl Definition {
    /// Checks a ballot of values, one for each field of the definition, in its order. An empty `id` or `voter` is none;
    /// texts are trimmed, and an empty one is missing. What the contest draws may be missing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of_values<'a>(&self, id: &'a str, voter: &'a str, mut values: Vec<Value<'a>>) -> Outcome<'a> {
        let mut faults = Vec::new();
        for (field, value) in self.fields.iter().zip(&mut values) {
            trim(value);
            if field.draw && *value == Value::Missing {
                continue;
            }
            faults.extend(check::value_fault(field, value));
        }
        if !id.is_empty() && !is_id(id) {
            faults.push(Fault::new("id", "invalid_id", "expected 1 to 64 printable ASCII characters"));
        }
        let voter = super::voter(voter).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        if self.voters.required && voter.is_none() && !faults.iter().any(|f| f.field == "voter") {
            faults.push(check::missing("voter"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Ballot {
            id: Some(id).filter(|id| !id.is_empty()).map(Cow::Borrowed),
            voter: voter.map(Cow::Borrowed),
            values,
        })
    }
}

fn trim(value: &mut Value<'_>) {
    let Value::Text(text) = value else { return };
    let trimmed = text.trim();
    if trimmed.is_empty() {
        *value = Value::Missing;
    } else if trimmed.len() != text.len() {
        *text = Cow::Owned(trimmed.to_owned());
    }
}
