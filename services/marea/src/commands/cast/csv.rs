//! CSV as RFC 4180 has it: quoted cells may hold commas, doubled quotes and line breaks. By hand, for a ballot's id and
//! what is said of it need its line: the `csv` crate's is another one after blank lines and with CRLF.

use std::io::{self, BufRead};

/// Bytes of a record, about: a quote that nobody closes does not swallow the file.
const RECORD_BYTES: usize = 1 << 20;

/// Where in a cell one is: a quote opens one only at its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Plain,
    Quoted,
    /// Behind a quote in a quoted one: its end, or the first of two.
    Quote,
}

impl At {
    /// Behind this byte; each that means something is ASCII.
    fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Begin | Self::Quote, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',' | b'\n') => Self::Begin,
            _ => Self::Plain,
        }
    }
}

/// The next record's first line and its text, which may span lines; `lines` grows by those read.
pub fn record(reader: &mut impl BufRead, lines: &mut u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let (mut first, mut record, mut at) = (0, Vec::new(), At::Begin);
    loop {
        let before = record.len();
        if reader.read_until(b'\n', &mut record)? == 0 {
            return Ok(Some((first, record)).filter(|(_, record)| !record.is_empty()));
        }
        *lines += 1;
        first = if before == 0 { *lines } else { first };
        let blank = record.get(before..).unwrap_or_default().trim_ascii().is_empty();
        if before == 0 && blank {
            record.clear();
            continue;
        }
        at = record.get(before..).unwrap_or_default().iter().fold(at, |at, byte| at.then(*byte));
        if at != At::Quoted || record.len() > RECORD_BYTES {
            return Ok(Some((first, record)));
        }
    }
}

/// A record's cells.
pub fn cells(record: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut at = At::Begin;
    for c in record.trim_end_matches(['\n', '\r']).chars() {
        let before = at;
        at = at.then(u8::try_from(c).unwrap_or(b'x'));
        let cell = cells.last_mut().expect("there is one from the beginning");
        match (before, at) {
            (At::Begin, At::Quoted) | (_, At::Quote) => {}
            (_, At::Begin) => cells.push(String::new()),
            _ => cell.push(c),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_hold_commas_quotes_and_line_breaks() {
        let mut reader = &b"a,\"b,\"\"c\"\"\nd\",e\r\n\n f ,\"\",g\n"[..];
        let mut lines = 0;
        let mut next = || {
            let found = record(&mut reader, &mut lines).expect("memory");
            found.map(|(line, text)| (line, cells(std::str::from_utf8(&text).expect("text"))))
        };
        assert_eq!(next(), Some((1, ["a", "b,\"c\"\nd", "e"].map(str::to_owned).into())));
        assert_eq!(next(), Some((4, [" f ", "", "g"].map(str::to_owned).into())));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_quote_within_a_cell_is_a_letter() {
        assert_eq!(cells("12\" mix,say \"hi\",\"a\"b"), ["12\" mix", "say \"hi\"", "ab"]);
        let mut reader = &b"12\" mix,1\nnext,2\n"[..];
        let mut lines = 0;
        assert_eq!(record(&mut reader, &mut lines).expect("memory"), Some((1, b"12\" mix,1\n".to_vec())));
        assert_eq!(record(&mut reader, &mut lines).expect("memory"), Some((2, b"next,2\n".to_vec())));
    }

    #[test]
    fn a_quote_that_nobody_closes_swallows_no_file() {
        let text = format!("\"open\n{}", "a,b\n".repeat(1 << 20));
        let (mut reader, mut lines) = (text.as_bytes(), 0);
        let (first, text) = record(&mut reader, &mut lines).expect("memory").expect("a record");
        assert!(first == 1 && text.len() < RECORD_BYTES + 10, "{}", text.len());
        assert_eq!(record(&mut reader, &mut lines).expect("memory"), Some((lines, b"a,b\n".to_vec())));
    }
}
