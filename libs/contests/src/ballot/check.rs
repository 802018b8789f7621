//! Whether values fit the fields, for ballots from clients and from a queue alike.

use super::{Fault, Value};
use crate::{
    batch::{Batch, Cast, FieldHead, Header},
    definition::{Definition, Field, Shape},
};

impl Definition {
    /// What a batch's header says about the fields.
    pub fn field_heads(&self) -> Vec<FieldHead> {
        let head = |f: &Field| FieldHead { name: f.name.clone(), integer: matches!(f.shape, Shape::Integer { .. }) };
        self.fields.iter().map(head).collect()
    }

    /// Whether a decoded batch is of this contest and revision, with its fields.
    pub fn is_of(&self, header: &Header) -> bool {
        header.contest == self.name && header.revision == self.revision() && header.fields == self.field_heads()
    }

    /// Checks one ballot of a decoded batch for which [`Definition::is_of`] holds: whoever wrote the queue may not
    /// have been ingest.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, batch: &Batch<'_>, cast: &Cast<'_>) -> Result<(), Vec<Fault>> {
        let values = self.fields.iter().zip(batch.values(cast));
        let mut faults: Vec<_> = values.filter_map(|(field, value)| value_fault(field, value)).collect();
        let named = cast.voter.map_or(Ok(None), super::voter);
        match named {
            Err(fault) => faults.push(fault),
            Ok(None) if self.voters.required => faults.push(missing("voter")),
            Ok(_) => {}
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Which of [`Definition::lanes`] a ballot travels on; its values fit the definition.
    pub fn lane(&self, values: &[Value<'_>]) -> usize {
        self.route_by.iter().fold(0, |lane, field| {
            let options = self.fields.get(*field).map_or(&[][..], |f| f.shape.values());
            let Some(Value::Text(text)) = values.get(*field) else { return lane };
            lane * options.len() + options.iter().position(|option| option == text).unwrap_or_default()
        })
    }
}

pub(super) fn value_fault(field: &Field, value: &Value<'_>) -> Option<Fault> {
    match value {
        Value::Missing if field.optional => None,
        Value::Missing => Some(missing(&field.name)),
        Value::Text(text) if text.trim() != text => {
            Some(Fault::new(&field.name, "not_trimmed", "expected no space around it"))
        }
        Value::Text(text) => text_of(field, text).err(),
        Value::Integer(number) => integer_of(field, *number).err(),
    }
}

pub(super) fn missing(field: &str) -> Fault {
    Fault::new(field, "missing", format!("expected `{field}`"))
}

/// Checks a trimmed text that is not empty.
pub(super) fn text_of(field: &Field, text: &str) -> Result<(), Fault> {
    let Shape::Text { max_length, values } = &field.shape else {
        return Err(Fault::new(&field.name, "wrong_type", "expected a whole number, found a text"));
    };
    if let Some((code, message)) = text_fault(text, *max_length) {
        return Err(Fault::new(&field.name, code, message));
    }
    if values.is_empty() || values.iter().any(|v| v == text) {
        return Ok(());
    }
    Err(Fault::new(&field.name, "not_a_value", format!("expected one of {}", list(values))))
}

/// The first values, so that an answer stays short.
fn list(values: &[String]) -> String {
    let shown = values.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if values.len() > 10 { format!("{shown}, … ({} values)", values.len()) } else { shown }
}

/// What is wrong with a trimmed text of any field.
pub(super) fn text_fault(text: &str, max: usize) -> Option<(&'static str, String)> {
    // Most texts are shorter in bytes already, and need no count.
    if text.len() > max && text.chars().count() > max {
        return Some(("too_long", format!("expected at most {max} characters")));
    }
    let control =
        if text.is_ascii() { text.bytes().any(|b| b.is_ascii_control()) } else { text.chars().any(char::is_control) };
    control.then(|| ("control_character", "expected no control characters".to_owned()))
}

pub(super) fn integer_of(field: &Field, number: i64) -> Result<(), Fault> {
    match field.shape {
        Shape::Integer { min, max } if (min..=max).contains(&number) => Ok(()),
        Shape::Integer { min, max } => {
            Err(Fault::new(&field.name, "out_of_range", format!("expected a whole number from {min} to {max}")))
        }
        Shape::Text { .. } => Err(Fault::new(&field.name, "wrong_type", "expected a text, found a number")),
    }
}
