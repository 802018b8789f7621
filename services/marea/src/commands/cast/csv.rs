//! CSV as RFC 4180 has it: quoted cells may hold commas, doubled quotes and line breaks. By hand, for a ballot's id and
//! what is said of it need its line: the `csv` crate's is another one after blank lines and with CRLF.

use std::io::{self, BufRead};

/// The next record's first line and its text, which may span lines; `lines` grows by those read.
pub fn record(reader: &mut impl BufRead, lines: &mut u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let (mut first, mut record) = (0, Vec::new());
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
        } else if record.iter().filter(|b| **b == b'"').count() % 2 == 0 {
            return Ok(Some((first, record)));
        }
    }
}

/// A record's cells.
pub fn cells(record: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = record.trim_end_matches(['\n', '\r']).chars().peekable();
    while let Some(c) = chars.next() {
        let cell = cells.last_mut().expect("there is one from the beginning");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
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
}
