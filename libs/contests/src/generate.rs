//! Realistic ballots for a contest: the same seed gives the same lines, everywhere and in every version.
//!
//! Popular values are far more popular than others (Zipf), as in every real vote; only whole numbers are computed with,
//! so that no machine's floating point changes a line.

use serde_json::{Map, Number, Value};

use crate::definition::{Definition, Field, MAX_INTEGER, Shape};

mod hostile;
mod people;
mod random;
#[cfg(test)]
mod tests;

pub use hostile::Line;
use people::{BANDS, FIRST, LAST};
use random::Random;

/// One lacks a drawn field in so many.
const UNDECIDED: u64 = 10;
/// One lacks an optional field in so many.
const SILENT: u64 = 5;
/// Different texts that a free field has.
const TEXTS: usize = 50;
/// Different voters.
const VOTERS: u64 = 100_000;

/// Makes ballots without end.
pub struct Generator<'d> {
    definition: &'d Definition,
    random: Random,
    /// How many of a thousand are spoiled.
    hostile: u64,
}

impl<'d> Generator<'d> {
    /// Ballots of a contest; `hostile` of a thousand are spoiled, each in one of many ways.
    pub fn new(definition: &'d Definition, seed: u64, hostile: u16) -> Self {
        Self { definition, random: Random::new(seed), hostile: hostile.into() }
    }

    fn ballot(&mut self) -> Map<String, Value> {
        let definition = self.definition;
        let (band, albums) = *self.random.popular(BANDS);
        let (album, year) = *self.random.popular(albums);
        let of_a_band = ["name", "album", "year"].iter().all(|name| definition.position(name).is_some());
        let mut ballot = Map::new();
        for field in &definition.fields {
            let lacks = (field.draw && self.random.one_in(UNDECIDED)) || (field.optional && self.random.one_in(SILENT));
            let known: Option<Value> = match field.name.as_str() {
                "name" if of_a_band => Some(band.into()),
                "album" if of_a_band => Some(album.into()),
                "year" if of_a_band => Some(year.into()),
                _ => None,
            };
            let value = known.filter(|v| fits(field, v)).unwrap_or_else(|| self.value(field));
            if !lacks {
                ballot.insert(field.name.clone(), value);
            }
        }
        if definition.voters.required {
            ballot.insert("voter".to_owned(), format!("voter-{}", self.random.below(VOTERS)).into());
        }
        ballot
    }

    fn value(&mut self, field: &Field) -> Value {
        match &field.shape {
            Shape::Integer { min, max } => self.integer(*min, *max).into(),
            Shape::Text { values, .. } if !values.is_empty() => self.random.popular(values).clone().into(),
            Shape::Text { max_length, .. } => {
                let text = match field.name.as_str() {
                    "student" | "person" | "player" | "name" => self.person(),
                    name => format!("{name} {}", self.random.popular_index(TEXTS) + 1),
                };
                text.chars().take(*max_length).collect::<String>().trim().into()
            }
        }
    }

    fn person(&mut self) -> String {
        format!("{} {}", self.random.popular(FIRST), self.random.popular(LAST))
    }

    /// Small ranges lean to their upper end, as ranks do; large ones to their lower, as ages do.
    fn integer(&mut self, min: i64, max: i64) -> i64 {
        let low = if min == -MAX_INTEGER { 0.min(max) } else { min };
        let width = max.abs_diff(low).min(1_000) + 1;
        let (one, other) = (self.random.below(width), self.random.below(width));
        let drawn = if width <= 10 { one.max(other) } else { one.min(other) };
        low.saturating_add_unsigned(drawn)
    }
}

impl Iterator for Generator<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let ballot = self.ballot();
        let spoiled = self.random.below(1_000) < self.hostile;
        Some(if spoiled { hostile::spoil(self.definition, ballot, &mut self.random) } else { Line::Ballot(ballot) })
    }
}

fn fits(field: &Field, value: &Value) -> bool {
    match (&field.shape, value) {
        (Shape::Integer { min, max }, Value::Number(n)) => n.as_i64().is_some_and(|n| (min..=max).contains(&&n)),
        (Shape::Text { max_length, values }, Value::String(text)) => {
            text.chars().count() <= *max_length && (values.is_empty() || values.contains(text))
        }
        _ => false,
    }
}

/// The columns of a table of ballots: the voter where one is required, and the fields.
pub fn columns(definition: &Definition) -> Vec<&str> {
    let voter = definition.voters.required.then_some("voter");
    voter.into_iter().chain(definition.fields.iter().map(|f| f.name.as_str())).collect()
}

/// One line of CSV, without its end: text is quoted where it must be.
pub fn csv<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |cell: &str| match cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    };
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",")
}

fn number(n: i64) -> Value {
    Value::Number(Number::from(n))
}
