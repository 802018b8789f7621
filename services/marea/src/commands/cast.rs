//! `cast`: a file of ballots. Every ballot gets an id from the file's digest and its line, so that whatever is sent
//! twice counts once; a journal beside the file remembers how far a cast came.

mod csv;
mod journal;
mod progress;
mod records;

use std::{fs, io::Read as _, path::Path, time::Duration};

use client::{Client, Contest, Error, Rejected};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    PATIENCE,
    contest::absent,
    vote::{known, typed},
};
use crate::{
    Done,
    cli::{Cast, FileFormat},
    failure::Failure,
    ui::{Ui, tame},
};
use journal::Journal;
use progress::Progress;
use records::{Record, Records};

/// Ballots of one request: enough that its way there and back hardly counts.
const CHUNK: usize = 1_000;
/// Bytes of one request, below the server's 4 MiB.
const CHUNK_BYTES: usize = 1 << 20;
/// How long a cast waits to hear whether it is a repeat.
const LOOK: Duration = Duration::from_secs(2);
/// Problems that are told one by one.
const SHOWN: u64 = 20;

pub async fn run(client: &Client, options: &Cast, ui: &mut Ui) -> Done {
    if options.file == Path::new("-") {
        return Err(Failure::usage("a cast needs a file: it is read twice, and how far it came stands beside it")
            .hint("one ballot: `{marea} vote` or `{marea} score`; a stream: POST NDJSON to /contests/NAME/ballots"));
    }
    let name = contest_of(options)?;
    // Before its format is asked for: a file that is not there has none.
    let digest = digest(&options.file).map_err(|e| unreadable(&options.file, &e))?;
    let format = format_of(options)?;
    let known = known(client, &name).await.map_err(|error| no_contest(error, options))?;
    let installation = known.as_ref().and_then(Contest::installation).unwrap_or_default().to_owned();
    let journal = Journal::open(&options.file, &digest, &name, &installation)?;
    let resumed = journal.next;
    let mut casting = Casting {
        client: client.clone().patient(PATIENCE),
        name: name.clone(),
        known,
        prefix: digest.chars().take(32).collect(),
        file: options.file.display().to_string(),
        named: false,
        progress: Progress::new(fs::metadata(&options.file).map(|m| m.len()).unwrap_or_default()),
        journal,
        told: 0,
    };
    let records = Records::open(&options.file, format).map_err(|e| unreadable(&options.file, &e))?;
    heading_fits(records.heading(), casting.known.as_ref(), options)?;
    let cast = casting.all(records).await;
    casting.progress.end();
    cast?;
    still_there(client, &name, &installation).await?;
    let journal = casting.journal;
    journal.remove()?;
    if journal.next == 0 {
        let heading = if format == FileFormat::Csv { " below its heading, the names of the fields" } else { "" };
        return Err(Failure::usage(format!("{} holds no ballots{heading}", options.file.display())));
    }
    let (accepted, rejected) = (journal.accepted, journal.rejected);
    if !ui.value(&json!({ "contest": name, "accepted": accepted, "rejected": rejected, "resumed_at": resumed }))? {
        let resumed = if resumed > 0 { format!(" (resumed after {resumed})") } else { String::new() };
        ui.line(format_args!("accepted {accepted}, rejected {rejected}{resumed}"))?;
    }
    match rejected {
        0 => Ok(()),
        // Ids come from the file's content and the line.
        _ if accepted > 0 && casting.named => Err(Failure::told().hint(
            "cast the refused ones, corrected, as a file of their own: this file with other content counts all its ballots anew",
        )),
        _ => Err(Failure::told()),
    }
}

/// Refuses a table of which no line can be good: its heading says what the contest has not.
fn heading_fits(heading: &[String], known: Option<&Contest>, options: &Cast) -> Done {
    // Spreadsheets write empty columns behind the last one.
    let named: Vec<&String> = heading.iter().filter(|name| !name.is_empty()).collect();
    if let Some((_, twice)) = named.iter().enumerate().find(|(at, name)| named[..*at].contains(name)) {
        let said = format!("the heading of {} names `{twice}` twice", options.file.display());
        return Err(Failure::usage(tame(&said)));
    }
    let Some(known) = known.filter(|known| !known.fields().is_empty()) else { return Ok(()) };
    let fields = known.fields();
    let unknown = |name: &&String| !fields.contains(&name.as_str()) && !["id", "voter"].contains(&name.as_str());
    let Some(unknown) = named.into_iter().find(unknown) else { return Ok(()) };
    let hint = match heading {
        [one] if one.contains([';', '\t', '|']) => "cells are separated by commas".to_owned(),
        _ => format!("its fields: {}; and `id` and `voter`, where they are", fields.join(", ")),
    };
    let said = format!("the heading of {} names `{unknown}`, which {} has not", options.file.display(), known.name);
    Err(Failure::usage(tame(&said)).hint(tame(&hint)))
}

/// Refuses an end where another installation answers by now: it has a part of the file only.
async fn still_there(client: &Client, name: &str, installation: &str) -> Done {
    match client.contest(name).await {
        Ok(contest) if contest.installation().unwrap_or_default() != installation => {
            Err(Failure::failed("the server lost its records, or is another one, since the cast began")
                .hint("run the same command again: it begins anew"))
        }
        // Everything was accepted; that nobody tells more is no reason to fail.
        _ => Ok(()),
    }
}

/// A cast on its way.
struct Casting {
    client: Client,
    name: String,
    known: Option<Contest>,
    /// What every id begins with.
    prefix: String,
    file: String,
    /// Whether a ballot got its id here.
    named: bool,
    progress: Progress,
    journal: Journal,
    /// Problems that were found.
    told: u64,
}

/// Ballots of one request, with the lines that they stand in.
#[derive(Default)]
struct Chunk {
    body: Vec<u8>,
    lines: Vec<u64>,
    /// The first ballot's id.
    first: Value,
    /// Records, broken ones too.
    records: u64,
}

impl Casting {
    async fn all(&mut self, mut records: Records) -> Done {
        let mut chunk = Chunk::default();
        let mut skip = self.journal.next;
        while let Some(record) = records.next().map_err(|e| unreadable(Path::new(&self.file), &e))? {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            self.add(&mut chunk, record);
            if chunk.lines.len() == CHUNK || chunk.body.len() > CHUNK_BYTES || chunk.records >= 10 * CHUNK as u64 {
                self.send(std::mem::take(&mut chunk)).await?;
                self.progress.show(&self.journal, records.read());
            }
        }
        self.send(chunk).await
    }

    fn add(&mut self, chunk: &mut Chunk, record: Record) {
        chunk.records += 1;
        let mut ballot = match record.ballot {
            Ok(ballot) => ballot,
            Err(message) => {
                self.journal.rejected += 1;
                return self.tell(record.line, &message);
            }
        };
        if record.untyped {
            ballot = ballot.into_iter().map(|(field, value)| self.typed(field, value)).collect();
        }
        // To the server null is no id: it would give another one each time.
        if ballot.get("id").is_none_or(Value::is_null) {
            self.named = true;
            ballot.insert("id".to_owned(), format!("{}.{}", self.prefix, record.line).into());
        }
        let id = ballot["id"].clone();
        let ballot = Value::Object(ballot).to_string();
        if ballot.len() > CHUNK_BYTES {
            // Sent, it would be refused with all that is beside it, each time.
            self.journal.rejected += 1;
            return self
                .tell(record.line, &format!("a ballot of {} bytes: none may have more than 1 MiB", ballot.len()));
        }
        if chunk.lines.is_empty() {
            chunk.first = id;
        }
        chunk.body.push(if chunk.lines.is_empty() { b'[' } else { b',' });
        chunk.body.extend(ballot.into_bytes());
        chunk.lines.push(record.line);
    }

    fn typed(&self, field: String, value: Value) -> (String, Value) {
        match value {
            Value::String(text) => {
                let value = typed(self.known.as_ref(), &field, text);
                (field, value)
            }
            other => (field, other),
        }
    }

    async fn send(&mut self, mut chunk: Chunk) -> Done {
        if !chunk.lines.is_empty() {
            if self.journal.accepted == 0 {
                self.tell_repeat(&chunk.first).await;
            }
            chunk.body.push(b']');
            let sent = self.client.cast(&self.name, chunk.body).await;
            let (accepted, faults) = answer(sent, &self.name)?;
            let rejected = (chunk.lines.len() as u64).saturating_sub(accepted);
            for fault in &faults {
                let position = usize::try_from(fault.position).ok();
                let line = position.and_then(|p| chunk.lines.get(p)).copied().unwrap_or_default();
                self.tell(line, &fault.fault());
            }
            self.journal.accepted += accepted;
            self.journal.rejected += rejected;
        }
        self.journal.next += chunk.records;
        self.journal.save()
    }

    /// Says so where the first ballot is in the log already: all looks as if it were new.
    async fn tell_repeat(&self, id: &Value) {
        let Some(id) = id.as_str() else { return };
        let query = [("id", id), ("limit", "1")];
        let asked = tokio::time::timeout(LOOK, self.client.ballots(&self.name, &query)).await;
        // Whoever may cast need not be one who may read; that is no reason to fail.
        if let Ok(Ok(page)) = asked
            && !page.ballots.is_empty()
        {
            eprintln!(
                "note: {} was cast before, or a part of it: what was counted then counts no second time",
                self.file
            );
        }
    }

    /// Says what is wrong with a ballot, for the first ones.
    fn tell(&mut self, line: u64, message: &str) {
        self.told += 1;
        if self.told <= SHOWN {
            self.progress.end();
            eprintln!("{}:{line}: {}", self.file, tame(message));
        }
        if self.told == SHOWN {
            eprintln!("further problems are not shown");
        }
    }
}

/// How many were accepted, and what is wrong with others.
fn answer(sent: Result<client::CastAnswer, Error>, contest: &str) -> Result<(u64, Vec<Rejected>), Failure> {
    match sent {
        Ok(answer) => Ok((answer.accepted, answer.rejected)),
        Err(Error::Refused(refusal)) if refusal.status == 422 => Ok((0, refusal.rejected)),
        // It is not open.
        Err(error) if error.status() == Some(409) => Err(Failure::from(error).hint(format_args!(
            "open it (`{{marea}} contest open {contest}`), then run the same command again: it goes on where it stopped"
        ))),
        Err(error) => Err(Failure::from(error).hint("run the same command again: it goes on where it stopped")),
    }
}

fn contest_of(options: &Cast) -> Result<String, Failure> {
    let stem = options.file.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or_default().to_owned();
    let name = options.contest.clone().unwrap_or(stem);
    if contests::definition::is_name(&name) {
        return Ok(name);
    }
    Err(Failure::usage(format!("`{name}` cannot be a contest's name")).hint("name it: --contest NAME"))
}

/// Why there is no contest to cast for, and where its name came from.
fn no_contest(error: Error, options: &Cast) -> Failure {
    let taken = error.status() == Some(404) && options.contest.is_none();
    let failure = absent(error);
    if !taken {
        return failure;
    }
    failure.hint(
        "the contest's name was taken from the file's; name it: --contest NAME, see them with `{marea} contest list`",
    )
}

fn format_of(options: &Cast) -> Result<FileFormat, Failure> {
    let extension = options.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let by_name = match extension.as_str() {
        "ndjson" | "jsonl" => Some(FileFormat::Ndjson),
        "csv" => Some(FileFormat::Csv),
        "json" => Some(FileFormat::Json),
        _ => None,
    };
    options.format.or(by_name).ok_or_else(|| {
        Failure::usage(format!("the format of {} is not known", options.file.display()))
            .hint("say it: --format ndjson, csv or json")
    })
}

/// SHA-256 of the file, in hexadecimal.
fn digest(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash, mut buffer) = (fs::File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => return Ok(hex::encode(hash.finalize())),
            Some(part) => hash.update(part),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

/// A ballot of a file.
type Fields = Map<String, Value>;
