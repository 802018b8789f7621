//! The ballots of a file, one by one.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};

use super::{Fields, csv};
use crate::cli::FileFormat;

/// Bytes of a JSON array, which is read as a whole.
const JSON_BYTES: u64 = 256 << 20;

/// One ballot of a file.
pub struct Record {
    /// The line that it begins in, from 1; of a JSON array: its position, from 1.
    pub line: u64,
    /// The ballot, or what is wrong with it.
    pub ballot: Result<Fields, String>,
    /// Whether its values are all text, as in a table.
    pub untyped: bool,
}

/// The ballots of a file.
pub struct Records {
    source: Source,
    line: u64,
    read: u64,
}

enum Source {
    Lines(BufReader<File>),
    Table(BufReader<File>, Vec<String>),
    Array(std::vec::IntoIter<Box<RawValue>>),
}

impl Records {
    pub fn open(path: &Path, format: FileFormat) -> io::Result<Self> {
        let mut reader = BufReader::new(File::open(path)?);
        let mut line = 0;
        let source = match format {
            FileFormat::Ndjson => Source::Lines(reader),
            FileFormat::Csv => {
                let heading = csv::record(&mut reader, &mut line)?.map(|(_, text)| text).unwrap_or_default();
                let heading = String::from_utf8(heading).map_err(|_| io::Error::other("the heading is not UTF-8"))?;
                let names = csv::cells(heading.trim_start_matches('\u{feff}'));
                Source::Table(reader, names.iter().map(|name| name.trim().to_owned()).collect())
            }
            FileFormat::Json => Source::Array(array(reader)?.into_iter()),
        };
        Ok(Self { source, line, read: 0 })
    }

    /// The names above a table; none of other formats.
    pub fn heading(&self) -> &[String] {
        match &self.source {
            Source::Table(_, names) => names,
            _ => &[],
        }
    }

    /// Bytes read so far; 0 for a JSON array.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The next ballot.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        let (line, ballot, untyped) = match &mut self.source {
            Source::Lines(reader) => {
                let Some(text) = text_line(reader, &mut self.line)? else { return Ok(None) };
                self.read += text.len() as u64;
                (self.line, object(&text), false)
            }
            Source::Table(reader, names) => {
                let Some((first, record)) = csv::record(reader, &mut self.line)? else { return Ok(None) };
                self.read += record.len() as u64;
                (first, row(names, &record), true)
            }
            Source::Array(items) => {
                let Some(item) = items.next() else { return Ok(None) };
                self.line += 1;
                (self.line, object(item.get().as_bytes()), false)
            }
        };
        Ok(Some(Record { line, ballot, untyped }))
    }
}

/// The next line that is not blank.
fn text_line(reader: &mut impl BufRead, line: &mut u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text)? > 0 {
        *line += 1;
        if !text.trim_ascii().is_empty() {
            return Ok(Some(text));
        }
        text.clear();
    }
    Ok(None)
}

fn array(reader: BufReader<File>) -> io::Result<Vec<Box<RawValue>>> {
    let mut bytes = Vec::new();
    reader.take(JSON_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > JSON_BYTES {
        return Err(io::Error::other("a JSON array is read as a whole, at most 256 MiB; use NDJSON"));
    }
    let many = bytes.trim_ascii_start().first() == Some(&b'[');
    let read = if many { serde_json::from_slice(&bytes) } else { serde_json::from_slice(&bytes).map(|one| vec![one]) };
    read.map_err(|e| io::Error::other(format!("expected JSON: {e}")))
}

fn object(json: &[u8]) -> Result<Fields, String> {
    match serde_json::from_slice(json) {
        Ok(Object(fields)) => fields,
        Err(error) if error.is_data() => Err("expected a JSON object [not_an_object]".to_owned()),
        Err(error) => Err(format!("expected JSON: {error} [not_json]")),
    }
}

/// The fields of an object; none where two have one name, of which nobody knows which is meant.
struct Object(Result<Fields, String>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
        let (mut fields, mut twice) = (Fields::new(), None);
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                twice.get_or_insert(name);
            } else {
                fields.insert(name, value);
            }
        }
        let twice = twice.map(|name| format!("{name}: expected the field once [duplicate_field]"));
        Ok(Object(twice.map_or(Ok(fields), Err)))
    }
}

fn row(names: &[String], record: &[u8]) -> Result<Fields, String> {
    let text = std::str::from_utf8(record).map_err(|_| "expected UTF-8 [not_utf8]".to_owned())?;
    let cells = csv::cells(text);
    if cells.len() != names.len() {
        return Err(format!("expected {} cells as in the heading, found {} [wrong_cells]", names.len(), cells.len()));
    }
    let pairs = names.iter().cloned().zip(cells).filter(|(_, cell)| !cell.trim().is_empty());
    Ok(pairs.map(|(name, cell)| (name, cell.into())).collect())
}
