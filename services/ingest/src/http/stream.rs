//! NDJSON: any number of ballots, one a line, in bounded memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Bytes, HttpBody},
    response::Response,
};
use bootstrap::HttpError;
use contests::{Fault, ballot::BodyError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::{Refusal, answer, body, cast::Cast};
use crate::{Ingest, commit::Arriving, gather::Gatherer};

#[cfg(test)]
mod tests;

/// Bytes of a line; a longer one is not good, and is passed over.
const LINE_BYTES: usize = 256 << 10;
/// Bytes of a line that is passed over; a longer one ends the stream: it may never end.
const PASSED_BYTES: usize = 4 << 20;
/// How long a line that has begun may take: a client that trickles holds it no longer than this.
const LINE_TIME: Duration = Duration::from_secs(60);
/// For how long a token is good that was looked at: a stream may outlive it.
const ADMITTED: Duration = Duration::from_secs(1);
/// How long a stream waits for room in memory before it is ended.
const ROOM: Duration = Duration::from_secs(1);

/// A stream being read.
struct Lines<'a> {
    ingest: &'a Ingest,
    gatherer: Gatherer,
    cast: Cast,
    /// The token, if there is one, and when it was looked at.
    headers: HeaderMap,
    admitted: Instant,
    line: Begun,
    position: u32,
}

/// A line whose end has not come.
struct Begun {
    bytes: Vec<u8>,
    arriving: Arriving,
    /// Bytes of one that is too long, and is dropped as it comes.
    passed: usize,
    since: Option<Instant>,
}

/// Takes a stream of lines, and answers at its end.
pub(super) async fn lines<B>(
    ingest: &Ingest,
    cast: Cast,
    token: Option<HeaderValue>,
    mut body: B,
) -> Result<Response, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let mut lines = Lines::new(ingest, cast, token);
    let read = lines.read(&mut body).await;
    let Lines { gatherer, position, .. } = lines;
    if read.is_err() {
        // Its sender hears why.
        tokio::spawn(body::discard(body));
    }
    let tally = gatherer.finish().await;
    match read {
        Ok(()) if position == 0 => Err(HttpError::bad_request("empty-body", "expected a ballot a line").into()),
        Ok(()) => answer::of_tally(tally),
        Err(Refusal::Other(error)) => Err(answer::ended(error, tally)),
        Err(_) if tally.accepted + tally.unknown == 0 => Err(Refusal::NotAccepted),
        Err(_) => Err(answer::ended(no_room(), tally)),
    }
}

fn no_room() -> HttpError {
    let detail = "the broker does not confirm, or too much is under way; send the rest again";
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "stream-ended", detail)
}

fn too_large(detail: String) -> Refusal {
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).into()
}

async fn has_room(ingest: &Ingest) -> bool {
    let flow = &ingest.0.commit.flow;
    let until = Instant::now() + ROOM;
    while !flow.admits() {
        if flow.overdue() > 0 || Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

impl<'a> Lines<'a> {
    fn new(ingest: &'a Ingest, cast: Cast, token: Option<HeaderValue>) -> Self {
        let gatherer = Gatherer::new(ingest, cast.contest.clone(), cast.caller.clone(), false);
        let line = Begun::new(Arriving::new(&ingest.0.commit.flow));
        let headers = token.map(|token| (header::AUTHORIZATION, token)).into_iter().collect();
        Self { ingest, gatherer, cast, headers, admitted: Instant::now(), line, position: 0 }
    }

    /// Reads to the end, or to where it is ended.
    async fn read<B>(&mut self, body: &mut B) -> Result<(), Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        loop {
            let next = body::next(body).await;
            // Whatever comes after the contest has closed does not count.
            if matches!(next, Ok(Some(_))) || self.line.since.is_some() {
                self.follow()?;
            }
            if self.admitted.elapsed() > ADMITTED && !self.headers.is_empty() {
                let (_, caller) = self.ingest.admitted(&self.cast.contest.definition.name, None, &self.headers).await?;
                if caller != self.cast.caller {
                    return Err(HttpError::conflict("token-changed", "the token is another tenant's by now").into());
                }
                self.admitted = Instant::now();
            }
            let Ok(Some(data)) = next else {
                self.end();
                return next.map(drop);
            };
            self.take(&data)?;
            self.gatherer.flush().await;
            if self.gatherer.failed() || !has_room(self.ingest).await {
                return Err(Refusal::NotAccepted);
            }
        }
    }

    /// Goes on under the contest as it is now, if it takes ballots.
    fn follow(&mut self) -> Result<(), Refusal> {
        let now = self.ingest.open_contest(&self.cast.contest.definition.name, None)?;
        if Arc::ptr_eq(&now, &self.cast.contest) {
            return Ok(());
        }
        if now.definition.tokens && self.cast.caller.is_empty() {
            let detail = format!("the contest `{}` asks for tokens by now", now.definition.name);
            return Err(HttpError::conflict("contest-changed", detail).into());
        }
        self.gatherer.follow(now.clone());
        self.cast.contest = now;
        Ok(())
    }

    fn take(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while let Some(end) = data.iter().position(|b| *b == b'\n') {
            let (line, rest) = data.split_at(end);
            data = &rest[1..];
            if self.line.since.is_none() {
                self.line(line);
            } else {
                self.line.add(line)?;
                self.end();
            }
            if self.position == u32::MAX {
                return Err(too_large(
                    "one request takes at most 4,294,967,295 lines; send more in another".to_owned(),
                ));
            }
        }
        if data.is_empty() { Ok(()) } else { self.line.add(data) }
    }

    /// The line that has begun is whole.
    fn end(&mut self) {
        match self.line.end() {
            None => {}
            Some(Ok(line)) => self.line(&line),
            Some(Err(())) => {
                self.reject("", "line_too_long", format!("expected at most {LINE_BYTES} bytes a line"));
            }
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

impl Begun {
    fn new(arriving: Arriving) -> Self {
        Self { bytes: Vec::new(), arriving, passed: 0, since: None }
    }

    /// Adds what came of it. Fails where it takes too long or too much.
    fn add(&mut self, part: &[u8]) -> Result<(), Refusal> {
        if self.since.get_or_insert_with(Instant::now).elapsed() > LINE_TIME {
            return Err(body::too_slow());
        }
        if self.passed == 0 && self.bytes.len() + part.len() <= LINE_BYTES {
            self.bytes.extend_from_slice(part);
            return if self.arriving.grow(part.len()) { Ok(()) } else { Err(Refusal::NotAccepted) };
        }
        self.passed += std::mem::take(&mut self.bytes).len() + part.len();
        self.arriving.release();
        if self.passed > PASSED_BYTES {
            return Err(too_large(format!("a line has more than {PASSED_BYTES} bytes; end each ballot by a newline")));
        }
        Ok(())
    }

    /// What it was, if it had begun; an error where it was too long.
    fn end(&mut self) -> Option<Result<Vec<u8>, ()>> {
        self.since.take()?;
        self.arriving.release();
        let bytes = std::mem::take(&mut self.bytes);
        Some(if std::mem::take(&mut self.passed) > 0 { Err(()) } else { Ok(bytes) })
    }
}
