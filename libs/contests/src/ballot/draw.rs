//! Drawn outcomes: a keyed hash, so that a retry draws the same and nobody without the key can foretell it.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Ballot, Value};
use crate::{batch::Id, definition::Definition};

impl Definition {
    /// Fills every field that the ballot lacks and the contest draws: HMAC-SHA256 with `key` over contest, caller and
    /// id (and the field's name, where several fields are drawn), each ended by a zero byte but the last, modulo the
    /// number of values. The values are equally likely within 2^-56.
    pub fn draw<'a>(&'a self, key: &[u8], caller: &str, id: &Id<'_>, ballot: &mut Ballot<'a>) {
        let several = self.fields.iter().filter(|f| f.draw).count() > 1;
        for (field, value) in self.fields.iter().zip(&mut ballot.values) {
            if !field.draw || *value != Value::Missing {
                continue;
            }
            let about = several.then_some(field.name.as_str());
            let drawn = number(key, &[&self.name, caller, &id.to_string()], about);
            let values = field.shape.values();
            let index = usize::try_from(drawn % values.len().max(1) as u64).unwrap_or_default();
            if let Some(text) = values.get(index) {
                *value = Value::Text(Cow::Borrowed(text));
            }
        }
    }
}

fn number(key: &[u8], parts: &[&str], about: Option<&str>) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let joined = parts.iter().copied().chain(about).collect::<Vec<_>>().join("\0");
    mac.update(joined.as_bytes());
    let hash: [u8; 32] = mac.finalize().into_bytes().into();
    u64::from_be_bytes(hash.first_chunk().copied().expect("a hash has 32 bytes"))
}
