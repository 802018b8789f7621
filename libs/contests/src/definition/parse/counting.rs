//! Tallies and the conditions of ballots.

use super::{
    super::{
        Condition, DEFAULT_KEYS, Field, MAX_KEYS, Shape, Tally, Wanted,
        reader::{At, Map, Reader},
        tree::Node,
    },
    field::is_word,
};

/// The most tallies of a contest: each ballot adds to every one.
const MAX_TALLIES: usize = 32;
/// The most fields of a tally's key.
const MAX_BY: usize = 4;
/// How far from 0 a field may be that is summed: 2^63 holds nine billion of them.
const MAX_SUMMED: i64 = 1_000_000_000;

pub(super) fn tallies(reader: &mut Reader, map: &Map<'_>, fields: &[Field]) -> Vec<Tally> {
    let Some(at) = map.get("tallies") else {
        return reader.missing(map, "tallies", "what is counted: a map of tallies").unwrap_or_default();
    };
    let Some(map) = reader.open_map(at) else { return vec![] };
    if map.len() == 0 || map.len() > MAX_TALLIES {
        reader.problem(at, "out_of_range", format!("expected 1 to {MAX_TALLIES} tallies"));
    }
    map.iter().filter_map(|(name, at)| tally(reader, name, at, fields)).collect()
}

fn tally(reader: &mut Reader, name: &str, at: &At<'_>, fields: &[Field]) -> Option<Tally> {
    is_word(reader, name, at);
    let map = reader.map(at, &["by", "sum", "where", "max_keys"])?;
    let by = match map.get("by") {
        Some(at) => positions(reader, at, fields),
        None => reader.missing(&map, "by", "a list of fields").unwrap_or_default(),
    };
    if let (1.., Some(at)) = (by.len().saturating_sub(MAX_BY), map.get("by")) {
        reader.problem(at, "out_of_range", format!("expected at most {MAX_BY} fields"));
    }
    let sum = map.get("sum").and_then(|at| summed(reader, at, fields));
    let conditions = map.get("where").map(|at| conditions(reader, at, fields)).unwrap_or_default();
    let most = i64::try_from(MAX_KEYS).expect("a small constant");
    let max_keys = map.get("max_keys").and_then(|at| reader.integer(at, 1, most));
    let max_keys = max_keys.and_then(|keys| usize::try_from(keys).ok()).unwrap_or(DEFAULT_KEYS);
    Some(Tally { name: name.to_owned(), by, sum, conditions, max_keys })
}

/// A list of fields: their positions.
pub(super) fn positions(reader: &mut Reader, at: &At<'_>, fields: &[Field]) -> Vec<usize> {
    let mut positions = Vec::new();
    for at in &reader.list(at).unwrap_or_default() {
        let Some(position) = reader.text(at).and_then(|name| position(reader, at, name, fields)) else { continue };
        if positions.contains(&position) {
            reader.problem(at, "duplicate", "the field is there twice");
        }
        positions.push(position);
    }
    positions
}

fn position(reader: &mut Reader, at: &At<'_>, name: &str, fields: &[Field]) -> Option<usize> {
    let found = fields.iter().position(|f| f.name == name);
    if found.is_none() {
        reader.problem(at, "unknown_field", format!("`{name}` is not a field of this contest"));
    }
    found
}

fn summed(reader: &mut Reader, at: &At<'_>, fields: &[Field]) -> Option<usize> {
    let name = reader.text(at)?;
    let position = position(reader, at, name, fields)?;
    let fits = match fields.get(position).map(|f| &f.shape) {
        Some(Shape::Integer { min, max }) => *min >= -MAX_SUMMED && *max <= MAX_SUMMED,
        _ => false,
    };
    if !fits {
        let message =
            format!("expected an integer field with `min` and `max` within {MAX_SUMMED} of 0, so that sums fit");
        reader.problem(at, "not_summable", message);
    }
    Some(position)
}

/// A `where`: fields and the values that they must have.
pub(super) fn conditions(reader: &mut Reader, at: &At<'_>, fields: &[Field]) -> Vec<Condition> {
    let Some(map) = reader.open_map(at) else { return vec![] };
    map.iter().filter_map(|(name, at)| condition(reader, name, at, fields)).collect()
}

fn condition(reader: &mut Reader, name: &str, at: &At<'_>, fields: &[Field]) -> Option<Condition> {
    let field = position(reader, at, name, fields)?;
    let value = match (&fields.get(field)?.shape, at.node) {
        (Shape::Integer { min, max }, Node::Integer(value)) if (min..=max).contains(&value) => Wanted::Integer(*value),
        (Shape::Text { values, .. }, Node::Text(text)) if values.is_empty() || values.contains(text) => {
            Wanted::Text(text.clone())
        }
        (Shape::Integer { .. }, _) => return reader.expected(at, "a whole number that the field can hold"),
        (Shape::Text { .. }, _) => return reader.expected(at, "a text that the field can hold"),
    };
    Some(Condition { field, value })
}
