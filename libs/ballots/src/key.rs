//! Ids and contents of ballots as stores keep them.

use contests::{
    Batch, Value,
    batch::{Cast, Id},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A key of a tally, in the sixteen first bytes of its SHA-256: keys may be long, and only whether two are the same is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub(crate) [u8; 16]);

impl KeyDigest {
    /// Of a key.
    pub fn of(key: &str) -> Self {
        let digest = Sha256::digest(key);
        Self(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// Ends a caller's name in a key: no name holds it.
pub(crate) const END: u8 = 0;

/// Caller and id in few bytes, unique among a contest's ballots: ids that Marea gave are 16 or 20 bytes of their own
/// time's order, so that new ones stand beside each other. The same for a client that sends one of those as text.
pub(crate) fn compact(caller: &str, id: &Id<'_>) -> Vec<u8> {
    let id = canonical(id);
    let mut key = Vec::with_capacity(2 + caller.len() + 20);
    key.extend_from_slice(caller.as_bytes());
    key.push(END);
    match id {
        Id::Request(request) => {
            key.push(b'u');
            key.extend_from_slice(request.as_bytes());
        }
        Id::Indexed(request, index) => {
            key.push(b'u');
            key.extend_from_slice(request.as_bytes());
            key.extend_from_slice(&index.to_be_bytes());
        }
        Id::Client(own) => {
            key.push(b'c');
            key.extend_from_slice(own.as_bytes());
        }
    }
    key
}

fn canonical<'a>(id: &Id<'a>) -> Id<'a> {
    let Id::Client(own) = *id else { return *id };
    let (request, index) = own.split_once('.').map_or((own, None), |(request, index)| (request, Some(index)));
    let Some(request) = Uuid::try_parse(request).ok() else { return *id };
    let parsed = match index.map(str::parse) {
        None => Id::Request(request),
        Some(Ok(index)) => Id::Indexed(request, index),
        Some(Err(_)) => return *id,
    };
    // Other spellings of a UUID are other ids.
    if parsed.to_string() == own { parsed } else { *id }
}

/// What a ballot says, in eight bytes: two of one id that differ here conflict.
pub(crate) fn digest(batch: &Batch<'_>, cast: &Cast<'_>) -> i64 {
    let mut hash = Sha256::new();
    let mut part = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    if let Some(voter) = cast.voter {
        part(b'v', voter.as_bytes());
    }
    for (field, value) in batch.header.fields.iter().zip(batch.values(cast)) {
        // A field that is missing says what a definition says that lacks it.
        match value {
            Value::Missing => continue,
            Value::Text(text) => {
                part(b'n', field.name.as_bytes());
                part(b't', text.as_bytes());
            }
            Value::Integer(number) => {
                part(b'n', field.name.as_bytes());
                part(b'i', &number.to_be_bytes());
            }
        }
    }
    let digest = hash.finalize();
    i64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"))
}
