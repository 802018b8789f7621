//! The fields of a ballot.

use super::super::{
    DEFAULT_TEXT, Field, MAX_FIELDS, MAX_INTEGER, MAX_TEXT, Shape,
    reader::{At, Map, Reader},
};

/// The names that a ballot has anyway.
const RESERVED: [&str; 2] = ["id", "voter"];
/// The most values that a field may choose from.
const MAX_VALUES: usize = 256;

/// The fields, and whether all of them are sound.
pub(super) fn fields(reader: &mut Reader, map: &Map<'_>) -> (Vec<Field>, bool) {
    let before = reader.problems.len();
    let fields = read(reader, map).unwrap_or_default();
    (fields, reader.problems.len() == before)
}

fn read(reader: &mut Reader, map: &Map<'_>) -> Option<Vec<Field>> {
    let Some(at) = map.get("fields") else {
        return reader.missing(map, "fields", "what a ballot says: a map of fields");
    };
    let map = reader.open_map(at)?;
    if map.len() == 0 || map.len() > MAX_FIELDS {
        reader.problem(at, "out_of_range", format!("expected 1 to {MAX_FIELDS} fields"));
    }
    Some(map.iter().filter_map(|(name, at)| field(reader, name, at)).collect())
}

fn field(reader: &mut Reader, name: &str, at: &At<'_>) -> Option<Field> {
    is_word(reader, name, at);
    if RESERVED.contains(&name) {
        reader.problem(at, "reserved", format!("`{name}` is part of every ballot; name the field otherwise"));
    }
    let map = reader.map(at, &["type", "max_length", "values", "min", "max", "optional", "draw"])?;
    let shape = shape(reader, &map);
    let optional = map.get("optional").and_then(|at| reader.bool(at)).unwrap_or_default();
    let draw = map.get("draw").and_then(|at| reader.bool(at)).unwrap_or_default();
    let shape = shape?;
    if let (true, Some(at)) = (draw, map.get("draw")) {
        if shape.values().is_empty() {
            reader.problem(at, "contradiction", "only a field with `values` can be drawn");
        }
        if optional {
            reader.problem(at, "contradiction", "a field that is drawn is never missing; leave `optional` out");
        }
    }
    Some(Field { name: name.to_owned(), shape, optional, draw })
}

/// Fields and tallies have names that stand in JSON, in keys of stores and on a command line.
pub(super) fn is_word(reader: &mut Reader, name: &str, at: &At<'_>) {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let fits = name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(inner);
    if !fits {
        let message = "expected a name of 1 to 40 lower case letters, digits and underscores, beginning with a letter";
        reader.problem(at, "not_a_name", message);
    }
}

fn shape(reader: &mut Reader, map: &Map<'_>) -> Option<Shape> {
    let Some(at) = map.get("type") else { return reader.missing(map, "type", "string or integer") };
    let (shape, foreign) = match reader.text(at)? {
        "string" => (text(reader, map), ["min", "max", ""]),
        "integer" => (integer(reader, map), ["max_length", "values", "draw"]),
        _ => {
            reader.problem(at, "not_a_type", "expected string or integer");
            return None;
        }
    };
    for at in foreign.iter().filter_map(|key| map.get(key)) {
        reader.problem(at, "contradiction", "does not belong to a field of this type");
    }
    shape
}

fn integer(reader: &mut Reader, map: &Map<'_>) -> Option<Shape> {
    let limit = |reader: &mut Reader, key, default| {
        map.get(key).map_or(Some(default), |at| reader.integer(at, -MAX_INTEGER, MAX_INTEGER))
    };
    let min = limit(reader, "min", -MAX_INTEGER);
    let max = limit(reader, "max", MAX_INTEGER);
    let (min, max) = (min?, max?);
    if let (true, Some(at)) = (max < min, map.get("max")) {
        reader.problem(at, "contradiction", format!("expected at least `min`, which is {min}"));
    }
    Some(Shape::Integer { min, max })
}

fn text(reader: &mut Reader, map: &Map<'_>) -> Option<Shape> {
    let most = i64::try_from(MAX_TEXT).expect("a small constant");
    let max_length = map.get("max_length").map(|at| reader.integer(at, 1, most));
    let max_length = max_length.map_or(Some(DEFAULT_TEXT), |n| n.and_then(|n| usize::try_from(n).ok()))?;
    let values = map.get("values").map(|at| values(reader, at, max_length));
    let values = values.map_or(Some(vec![]), |v| v)?;
    Some(Shape::Text { max_length, values })
}

fn values(reader: &mut Reader, at: &At<'_>, max_length: usize) -> Option<Vec<String>> {
    let items = reader.list(at)?;
    if items.is_empty() || items.len() > MAX_VALUES {
        reader.problem(at, "out_of_range", format!("expected 1 to {MAX_VALUES} values"));
    }
    let mut values: Vec<String> = Vec::new();
    for at in &items {
        let Some(value) = reader.text(at) else { continue };
        let length = value.chars().count();
        if value.trim() != value || length == 0 || length > max_length || value.chars().any(char::is_control) {
            let message = format!("expected 1 to {max_length} characters on one line, without space around them");
            reader.problem(at, "not_a_value", message);
        } else if values.iter().any(|v| v == value) {
            reader.problem(at, "duplicate", format!("`{value}` is there twice"));
        } else {
            values.push(value.to_owned());
        }
    }
    Some(values)
}
