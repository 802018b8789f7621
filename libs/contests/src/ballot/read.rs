//! One ballot, straight from JSON: no tree is built, and texts without escapes are borrowed.
//!
//! The visitors are total: whatever is wrong with a ballot is a [`Fault`] and the rest of the document is still read;
//! only broken JSON ends it.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Ballot, Fault, Value, check, is_id,
    scalar::{Found, Scalar},
};
use crate::definition::{Definition, Field, Shape};

/// The most faults that one ballot is told: what has more is no ballot.
const MAX_FAULTS: usize = 16;
/// The most characters of an unknown field's name in an answer.
const SHOWN: usize = 40;

/// Reads one ballot; `voter` votes where the ballot names nobody.
#[derive(Clone, Copy)]
pub(super) struct One<'d, 'v> {
    pub(super) definition: &'d Definition,
    pub(super) voter: Option<&'v str>,
}

impl<'de: 'v, 'v> DeserializeSeed<'de> for One<'_, 'v> {
    type Value = Result<Ballot<'v>, Vec<Fault>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'v, 'v> Visitor<'de> for One<'_, 'v> {
    type Value = Result<Ballot<'v>, Vec<Fault>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ballot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft::new(self.definition);
        while let Some(key) = map.next_key_seed(KeyOf(self.definition))? {
            draft.entry(key, &mut map)?;
        }
        Ok(draft.finish(self.voter))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(no_object("a list"))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(no_object("null"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(no_object("true or false"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(no_object("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(no_object("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(no_object("a number"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(no_object("a text"))
    }
}

fn no_object<'v>(found: &str) -> Result<Ballot<'v>, Vec<Fault>> {
    Err(vec![Fault::new("", "not_an_object", format!("expected a JSON object, found {found}"))])
}

/// What is known of a ballot so far.
struct Draft<'d, 'v> {
    definition: &'d Definition,
    ballot: Ballot<'v>,
    /// A bit a field that was there, and two for id and voter.
    seen: u32,
    /// A bit a field that was there and broken: it is not missing too.
    broken: u32,
    faults: Vec<Fault>,
}

impl<'d, 'v> Draft<'d, 'v> {
    fn new(definition: &'d Definition) -> Self {
        let values = vec![Value::Missing; definition.fields.len()];
        Self { definition, ballot: Ballot { id: None, voter: None, values }, seen: 0, broken: 0, faults: vec![] }
    }

    fn entry<'de: 'v, A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::Field(i) => self.field(i, map),
            Key::Id => self.id(map),
            Key::Voter => self.voter(map),
            Key::Unknown(name) => {
                map.next_value::<IgnoredAny>()?;
                self.fault(Fault::new(&name, "unknown_field", format!("`{name}` is not a field of this contest")));
                Ok(())
            }
        }
    }

    fn field<'de: 'v, A: MapAccess<'de>>(&mut self, i: usize, map: &mut A) -> Result<(), A::Error> {
        let Some(field) = self.definition.fields.get(i) else { return Ok(()) };
        let scalar = map.next_value_seed(Scalar)?;
        self.once(1 << i, &field.name);
        match checked(field, scalar) {
            Ok(value) => self.ballot.values.iter_mut().skip(i).take(1).for_each(|v| *v = value.clone()),
            Err(fault) => {
                self.broken |= 1 << i;
                self.fault(fault);
            }
        }
        Ok(())
    }

    fn id<'de: 'v, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let found = map.next_value_seed(Scalar)?;
        self.once(ID, "id");
        match found {
            Found::Text(text) if is_id(&text) => self.ballot.id = Some(text),
            Found::Null => {}
            _ => self.fault(Fault::new("id", "not_an_id", "expected a text of 1 to 64 printable ASCII characters")),
        }
        Ok(())
    }

    fn voter<'de: 'v, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let found = map.next_value_seed(Scalar)?;
        self.once(VOTER, "voter");
        match found {
            Found::Text(text) => match super::voter(&text) {
                Ok(name) => self.ballot.voter = name.is_some().then(|| trimmed(text)),
                Err(fault) => self.fault(fault),
            },
            Found::Null => {}
            other => self.fault(Fault::new("voter", "wrong_type", format!("expected a text, found {}", other.what()))),
        }
        Ok(())
    }

    fn once(&mut self, bit: u32, name: &str) {
        if self.seen & bit != 0 {
            self.fault(Fault::new(name, "duplicate_field", "expected the field once"));
        }
        self.seen |= bit;
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    fn finish(mut self, voter: Option<&'v str>) -> Result<Ballot<'v>, Vec<Fault>> {
        let definition = self.definition;
        for (i, field) in definition.fields.iter().enumerate() {
            let lacks = matches!(self.ballot.values.get(i), Some(Value::Missing)) && self.broken & (1 << i) == 0;
            if lacks && !field.optional && !field.draw {
                self.fault(check::missing(&field.name));
            }
        }
        if self.ballot.voter.is_none() {
            self.ballot.voter = voter.map(Cow::Borrowed);
        }
        if definition.voters.required && self.ballot.voter.is_none() {
            self.fault(check::missing("voter"));
        }
        if self.faults.is_empty() { Ok(self.ballot) } else { Err(self.faults) }
    }
}

const ID: u32 = 1 << 30;
const VOTER: u32 = 1 << 31;

fn checked<'v>(field: &Field, found: Found<'v>) -> Result<Value<'v>, Fault> {
    match found {
        Found::Null => Ok(Value::Missing),
        Found::Integer(number) => check::integer_of(field, number).map(|()| Value::Integer(number)),
        Found::Text(text) => {
            let text = trimmed(text);
            // As a spreadsheet leaves a cell empty.
            if text.is_empty() && matches!(field.shape, Shape::Text { .. }) {
                return Ok(Value::Missing);
            }
            check::text_of(field, &text).map(|()| Value::Text(text))
        }
        Found::Other(found) => {
            let expected = if field_is_integer(field) { "a whole number" } else { "a text" };
            Err(Fault::new(&field.name, "wrong_type", format!("expected {expected}, found {found}")))
        }
    }
}

fn field_is_integer(field: &Field) -> bool {
    matches!(field.shape, Shape::Integer { .. })
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

enum Key {
    Field(usize),
    Id,
    Voter,
    Unknown(String),
}

struct KeyOf<'d>(&'d Definition);

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(match (self.0.position(name), name) {
            (Some(i), _) => Key::Field(i),
            (None, "id") => Key::Id,
            (None, "voter") => Key::Voter,
            (None, _) => Key::Unknown(name.chars().take(SHOWN).collect()),
        })
    }
}
