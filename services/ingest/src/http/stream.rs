//! NDJSON: any number of ballots, one a line, in bounded memory.

use std::time::Duration;

use axum::{
    body::{Bytes, HttpBody},
    response::Response,
};
use bootstrap::HttpError;
use contests::{Fault, ballot::BodyError};

use super::{Refusal, answer, body, cast::Cast};
use crate::{Ingest, gather::Gatherer};

/// Bytes of a line; a longer one is not good, and is passed over.
const LINE_BYTES: usize = 256 << 10;
/// How long a stream waits for room in memory before it is ended.
const ROOM: Duration = Duration::from_secs(1);

/// A stream being read.
struct Lines {
    gatherer: Gatherer,
    cast: Cast,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// Whether the line that has begun is too long, and its rest is dropped.
    passing: bool,
    position: u32,
}

/// Takes a stream of lines, and answers at its end.
pub(super) async fn lines<B>(ingest: &Ingest, cast: Cast, mut body: B) -> Result<Response, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let gatherer = Gatherer::new(ingest, cast.contest.clone(), cast.caller.clone(), false);
    let mut lines = Lines { gatherer, cast, partial: Vec::new(), passing: false, position: 0 };
    let end = loop {
        match body::next(&mut body).await {
            Ok(Some(data)) => lines.take(&data),
            Ok(None) => break Ok(()),
            Err(refusal) => break Err(refusal),
        }
        lines.gatherer.flush().await;
        if lines.gatherer.failed() || !has_room(ingest).await || lines.position == u32::MAX {
            tokio::spawn(body::discard(body));
            break Ok(());
        }
    };
    lines.end();
    let position = lines.position;
    let tally = lines.gatherer.finish().await;
    match end {
        Ok(()) if position == 0 => Err(HttpError::bad_request("empty-body", "expected a ballot a line").into()),
        Ok(()) => answer::of_tally(tally),
        // Nobody hears it where the connection is gone; a slow client hears what counts.
        Err(refusal) if tally.accepted == 0 => Err(refusal),
        Err(_) => answer::of_tally(tally),
    }
}

async fn has_room(ingest: &Ingest) -> bool {
    let flow = &ingest.0.commit.flow;
    let until = tokio::time::Instant::now() + ROOM;
    while !flow.admits() {
        if flow.overdue() > 0 || tokio::time::Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

impl Lines {
    fn take(&mut self, mut data: &[u8]) {
        while let Some(end) = data.iter().position(|b| *b == b'\n') {
            let (line, rest) = data.split_at(end);
            data = &rest[1..];
            if self.partial.is_empty() && !self.passing {
                self.line(line);
            } else {
                self.begin(line);
                self.end();
            }
        }
        if !data.is_empty() {
            self.begin(data);
        }
    }

    fn begin(&mut self, part: &[u8]) {
        self.passing |= self.partial.len() + part.len() > LINE_BYTES;
        if self.passing {
            // One byte stays, to say that there is a line.
            self.partial = vec![b' '];
        } else {
            self.partial.extend_from_slice(part);
        }
    }

    /// The line that has begun is whole.
    fn end(&mut self) {
        let line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.passing) {
            let message = format!("expected at most {LINE_BYTES} bytes a line");
            self.reject("", "line_too_long", message);
        } else if !line.is_empty() {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            self.position = self.position.saturating_add(1);
            return;
        }
        let Cast { contest, voter, .. } = &self.cast;
        let contest = contest.clone();
        match contest.definition.ballot(line, voter.as_deref()) {
            Ok(Ok(ballot)) => self.gatherer.add(self.position, ballot),
            Ok(Err(faults)) => self.gatherer.reject(self.position, faults),
            Err(BodyError::Json { column, message, .. }) => {
                return self.reject("", "invalid_json", format!("{message} (column {column})"));
            }
            Err(error @ BodyError::TooMany { .. }) => return self.reject("", "invalid_json", error.to_string()),
        }
        self.position = self.position.saturating_add(1);
    }

    fn reject(&mut self, field: &str, code: &'static str, message: String) {
        self.gatherer.reject(self.position, vec![Fault { field: field.to_owned(), code, message }]);
        self.position = self.position.saturating_add(1);
    }
}
