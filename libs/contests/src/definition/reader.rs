//! Reads values out of the tree, and gathers every problem on the way.

use std::time::Duration;

use domain::Problem;
use jiff::Timestamp;
use serde_saphyr::Spanned;

use super::{
    duration,
    tree::{Node, narrow},
};

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct At<'n> {
    pub(super) node: &'n Node,
    /// Its path, for example `fields.rank.min`.
    pub(super) path: String,
    line: u32,
    column: u32,
}

impl<'n> At<'n> {
    pub(super) fn root(node: &'n Spanned<Node>) -> Self {
        Self::of(node, String::new())
    }

    fn of(node: &'n Spanned<Node>, path: String) -> Self {
        let place = &node.referenced;
        Self { node: &node.value, path, line: narrow(place.line()), column: narrow(place.column()) }
    }

    fn under(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// A map's entries, whose keys are all known.
pub(super) struct Map<'n> {
    pub(super) at: At<'n>,
    entries: Vec<(&'n str, At<'n>)>,
}

impl<'n> Map<'n> {
    /// The value of a key; `null` is as if it were left out.
    pub(super) fn get(&self, key: &str) -> Option<&At<'n>> {
        let found = self.entries.iter().find(|(name, _)| *name == key).map(|(_, at)| at);
        found.filter(|at| !matches!(at.node, Node::Null))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(&'n str, At<'n>)> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Gathers problems.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    /// Notes a problem at a value.
    pub(super) fn problem(&mut self, at: &At<'_>, code: &str, message: impl Into<String>) {
        let problem = Problem { line: at.line, column: at.column, ..Problem::error(code, message) };
        self.problems.push(problem.at(at.path.clone()));
    }

    /// Notes that a value has the wrong type.
    pub(super) fn expected<T>(&mut self, at: &At<'_>, what: &str) -> Option<T> {
        let hint = match at.node {
            Node::Integer(_) | Node::Other | Node::Bool(_) if what.contains("text") => "; quote it",
            _ => "",
        };
        self.problem(at, "wrong_type", format!("expected {what}, found {}{hint}", at.node.what()));
        None
    }

    /// Notes what a map lacks.
    pub(super) fn missing<T>(&mut self, map: &Map<'_>, key: &str, what: &str) -> Option<T> {
        let at = At { path: map.at.under(key), ..map.at.clone() };
        self.problem(&at, "missing", format!("expected {what}"));
        None
    }

    /// A map with any keys.
    pub(super) fn open_map<'n>(&mut self, at: &At<'n>) -> Option<Map<'n>> {
        let Node::Map(entries) = at.node else { return self.expected(at, "a map") };
        let entries = entries.iter().map(|(key, value)| {
            let place = At::of(value, at.under(&key.value));
            (key.value.as_str(), place)
        });
        Some(Map { at: at.clone(), entries: entries.collect() })
    }

    /// A map with no keys but these.
    pub(super) fn map<'n>(&mut self, at: &At<'n>, known: &[&str]) -> Option<Map<'n>> {
        let map = self.open_map(at)?;
        for (key, value) in map.iter().filter(|(key, _)| !known.contains(key)) {
            let message = format!("`{key}` is not a setting here; expected one of {}", known.join(", "));
            self.problem(value, "unknown_key", message);
        }
        Some(map)
    }

    pub(super) fn text<'n>(&mut self, at: &At<'n>) -> Option<&'n str> {
        match at.node {
            Node::Text(text) => Some(text),
            _ => self.expected(at, "a text"),
        }
    }

    pub(super) fn integer(&mut self, at: &At<'_>, min: i64, max: i64) -> Option<i64> {
        let Node::Integer(value) = *at.node else { return self.expected(at, "a whole number") };
        if (min..=max).contains(&value) {
            return Some(value);
        }
        self.problem(at, "out_of_range", format!("expected a whole number from {min} to {max}"));
        None
    }

    pub(super) fn bool(&mut self, at: &At<'_>) -> Option<bool> {
        match *at.node {
            Node::Bool(value) => Some(value),
            _ => self.expected(at, "true or false"),
        }
    }

    pub(super) fn list<'n>(&mut self, at: &At<'n>) -> Option<Vec<At<'n>>> {
        let Node::List(items) = at.node else { return self.expected(at, "a list") };
        Some(items.iter().enumerate().map(|(i, item)| At::of(item, format!("{}[{i}]", at.path))).collect())
    }

    pub(super) fn duration(&mut self, at: &At<'_>) -> Option<Duration> {
        let text = self.text(at)?;
        let parsed = duration::parse(text);
        if parsed.is_none() {
            self.problem(at, "not_a_duration", "expected a length of time such as 30m, 24h or 365d");
        }
        parsed
    }

    pub(super) fn time(&mut self, at: &At<'_>) -> Option<Timestamp> {
        let text = self.text(at)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.problem(at, "not_a_time", "expected a time such as 2026-11-01T00:00:00Z");
        }
        parsed
    }
}
