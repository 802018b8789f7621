//! A YAML file as a tree that knows where each value stands.

use std::fmt;

use domain::Problem;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

/// The most bytes of a contest's file.
const MAX_BYTES: usize = 64 * 1024;

/// A value; numbers that no field can hold are `Other`.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Other,
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Node {
    /// What it is, for a sentence that says what was found.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Other => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads a file; the only problem says where its syntax is broken.
pub(super) fn read(text: &str) -> Result<Spanned<Node>, Vec<Problem>> {
    if text.len() > MAX_BYTES {
        return Err(vec![Problem::error("too_large", format!("expected at most {MAX_BYTES} bytes"))]);
    }
    // Else `n` and `no` are no texts but false, as in YAML 1.1.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |l| (narrow(l.line()), narrow(l.column())));
        let message = match error.without_snippet() {
            serde_saphyr::Error::MultipleDocuments { .. } => {
                "expected one YAML document; put each contest into a file of its own".to_owned()
            }
            other => other.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        vec![Problem { line, column, ..Problem::error("yaml", message) }]
    })
}

/// A line or column; the size of a file keeps it small.
pub(super) fn narrow(place: impl TryInto<u32>) -> u32 {
    place.try_into().unwrap_or_default()
}

struct Tree;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Other, Node::Integer))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = map.next_entry()? {
            items.push(item);
        }
        Ok(Node::Map(items))
    }
}
