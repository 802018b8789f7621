//! Looking up ids by their end: an index of ids written backwards, in which an end is a beginning.

use domain::TaskId;

/// The id's 32 hexadecimal digits, last first.
pub(crate) fn reversed(id: TaskId) -> String {
    backwards(&id.uuid().as_simple().to_string())
}

/// The id of [`reversed`] digits.
pub(crate) fn restored(digits: &str) -> Option<TaskId> {
    u128::from_str_radix(&backwards(digits), 16).ok().map(|number| id_of(number.to_be_bytes()))
}

/// The id of 16 bytes, most significant first.
pub(crate) fn id_of(bytes: [u8; 16]) -> TaskId {
    uuid::Uuid::from_bytes(bytes).into()
}

pub(crate) fn backwards(digits: &str) -> String {
    digits.chars().rev().collect()
}

/// Whether it can end an id: anything else must not reach an index's range, which it could widen.
pub(crate) fn is_suffix(text: &str) -> bool {
    (4..=32).contains(&text.len()) && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}
