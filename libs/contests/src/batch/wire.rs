//! Numbers, texts and ids on the wire.

use uuid::Uuid;

use super::Malformed;

pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The mask leaves seven bits.
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A number that may be missing: 0 says so, and small numbers of either sign take one byte.
pub(super) fn put_integer(out: &mut Vec<u8>, number: i64) {
    let zigzag = (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned();
    put_number(out, zigzag.saturating_add(1));
}

/// What is left of a body.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::Number)
    }

    /// A number that fits a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.number()?).map_err(|_| Malformed::Number)
    }

    pub(super) fn integer(&mut self) -> Result<Option<i64>, Malformed> {
        let written = self.number()?;
        let zigzag = written.checked_sub(1);
        Ok(zigzag.map(|z| (z >> 1).cast_signed() ^ -(z & 1).cast_signed()))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.small()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::Text)
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Uuid::from_slice(self.take(16)?).map_err(|_| Malformed::Short)
    }
}
