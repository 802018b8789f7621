//! Decoding: a queue's bytes may be anybody's.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Batch, Cast, FieldHead, Header, Id, MAX_BYTES,
    encode::{LAST, OWN_ID, SCORES, SINGLE, VERSION, VOTER},
    wire::Cursor,
};
use crate::{
    ballot::{Value, is_id},
    definition::{Kind, MAX_FIELDS, Revision, is_name},
};

/// Why bytes are no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first byte is another version's.
    #[error("the batch has version {0}; this program reads version 1")]
    Version(u8),
    /// More bytes than a batch may have.
    #[error("the batch is larger than {MAX_BYTES} bytes")]
    Long,
    /// It ends too early.
    #[error("the batch ends in the middle of a value")]
    Short,
    /// A number is too large.
    #[error("a number of the batch is out of its range")]
    Number,
    /// A text is not UTF-8.
    #[error("a text of the batch is not UTF-8")]
    Text,
    /// A name, id, flag or time is not what it must be.
    #[error("the batch's {0} is not valid")]
    Invalid(&'static str),
    /// It has another number of ballots than its header says.
    #[error("the batch has another number of ballots than its header says")]
    Count,
}

impl<'a> Batch<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Where it is no batch.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_BYTES {
            return Err(Malformed::Long);
        }
        let mut cursor = Cursor(body);
        let header = header(&mut cursor)?;
        let mut batch = Self { header, casts: Vec::new(), values: Vec::new() };
        if batch.header.ballots as usize > cursor.0.len() {
            return Err(Malformed::Count);
        }
        // Each ballot has a byte a value at least.
        let fits = cursor.0.len() / batch.header.fields.len().max(1);
        batch.casts.reserve_exact(fits.min(batch.header.ballots as usize));
        batch.values.reserve_exact(batch.casts.capacity() * batch.header.fields.len());
        while !cursor.0.is_empty() {
            batch.segment(&mut cursor)?;
        }
        if batch.casts.len() == batch.header.ballots as usize { Ok(batch) } else { Err(Malformed::Count) }
    }

    fn segment(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Malformed> {
        let flags = cursor.number()?;
        let caller = cursor.text()?;
        if flags & SINGLE != 0 {
            let request = if flags & OWN_ID == 0 { cursor.uuid()? } else { Uuid::nil() };
            return self.ballot(cursor, caller, flags & !SINGLE, Id::Request(request));
        }
        if flags != 0 {
            return Err(Malformed::Invalid("segment"));
        }
        let request = cursor.uuid()?;
        let mut next = 0_u32;
        for _ in 0..cursor.number()? {
            let tag = cursor.number()?;
            let skipped = u32::try_from(tag >> 2).map_err(|_| Malformed::Number)?;
            let index = next.checked_add(skipped).ok_or(Malformed::Number)?;
            self.ballot(cursor, caller, tag & 3, Id::Indexed(request, index))?;
            next = index.checked_add(1).ok_or(Malformed::Number)?;
        }
        Ok(())
    }

    fn ballot(&mut self, cursor: &mut Cursor<'a>, caller: &'a str, flags: u64, id: Id<'a>) -> Result<(), Malformed> {
        if flags & !(OWN_ID | VOTER) != 0 || self.header.fields.is_empty() {
            return Err(Malformed::Invalid("segment"));
        }
        if self.casts.len() == self.header.ballots as usize {
            return Err(Malformed::Count);
        }
        let id = if flags & OWN_ID == 0 { id } else { Id::Client(own_id(cursor)?) };
        let voter = if flags & VOTER == 0 { None } else { Some(cursor.text()?) };
        let at = self.values.len();
        for field in &self.header.fields {
            self.values.push(value(cursor, field.integer)?);
        }
        self.casts.push(Cast { caller, id, voter, at });
        Ok(())
    }
}

fn own_id<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Malformed> {
    let id = cursor.text()?;
    if is_id(id) { Ok(id) } else { Err(Malformed::Invalid("ballot id")) }
}

fn value<'a>(cursor: &mut Cursor<'a>, integer: bool) -> Result<Value<'a>, Malformed> {
    if integer {
        return Ok(cursor.integer()?.map_or(Value::Missing, Value::Integer));
    }
    let text = cursor.text()?;
    Ok(if text.is_empty() { Value::Missing } else { Value::Text(Cow::Borrowed(text)) })
}

fn header(cursor: &mut Cursor<'_>) -> Result<Header, Malformed> {
    let version = cursor.byte()?;
    if version != VERSION {
        return Err(Malformed::Version(version));
    }
    let flags = cursor.byte()?;
    if flags & !(SCORES | LAST) != 0 {
        return Err(Malformed::Invalid("flags"));
    }
    Ok(Header {
        batch: cursor.uuid()?,
        producer: cursor.uuid()?,
        revision: revision(cursor)?,
        kind: if flags & SCORES == 0 { Kind::Votes } else { Kind::Scores },
        last: flags & LAST != 0,
        slot: cursor.small()?,
        number: cursor.number()?,
        ballots: cursor.small()?,
        cumulative: cursor.number()?,
        confirmed: cursor.number()?,
        time: time(cursor)?,
        contest: contest(cursor)?,
        words: words(cursor)?,
        fields: fields(cursor)?,
    })
}

fn revision(cursor: &mut Cursor<'_>) -> Result<Revision, Malformed> {
    let bytes = cursor.take(8)?.first_chunk().copied().ok_or(Malformed::Short)?;
    Ok(Revision(u64::from_be_bytes(bytes)))
}

fn time(cursor: &mut Cursor<'_>) -> Result<Timestamp, Malformed> {
    Timestamp::from_millisecond(cursor.small()?).map_err(|_| Malformed::Invalid("time"))
}

fn contest(cursor: &mut Cursor<'_>) -> Result<String, Malformed> {
    let name = cursor.text()?;
    if is_name(name) { Ok(name.to_owned()) } else { Err(Malformed::Invalid("contest")) }
}

fn words(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Malformed> {
    let count: usize = cursor.small()?;
    if count > MAX_FIELDS {
        return Err(Malformed::Invalid("route"));
    }
    (0..count).map(|_| cursor.text().map(str::to_owned)).collect()
}

fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<FieldHead>, Malformed> {
    let count: usize = cursor.small()?;
    if count > MAX_FIELDS {
        return Err(Malformed::Invalid("fields"));
    }
    (0..count).map(|_| field(cursor)).collect()
}

fn field(cursor: &mut Cursor<'_>) -> Result<FieldHead, Malformed> {
    let integer = match cursor.byte()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed::Invalid("fields")),
    };
    Ok(FieldHead { name: cursor.text()?.to_owned(), integer })
}
