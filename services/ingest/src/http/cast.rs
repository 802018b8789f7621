//! `POST` of ballots.

use std::sync::Arc;

use axum::{
    body::{Bytes, HttpBody},
    response::{IntoResponse, Response},
};
use bootstrap::{HttpError, http::single};
use contests::{
    Ballot, Fault,
    batch::{self, Id},
};
use http::{HeaderMap, Request, StatusCode, header};
use uuid::fmt::Hyphenated;

use super::{
    Refusal, Target, answer,
    body::{self, Format, Whole},
    stream,
};
use crate::{
    Ingest,
    commit::{Outcome, Ticket},
    contest::Contest,
    gather::{Gatherer, SEGMENT_BYTES, request_id},
};

/// Ballots in one array.
pub(crate) const ARRAY: usize = 10_000;
/// Bytes of an encoded ballot beyond those of its JSON: caller, request, flags, a drawn value.
const ROOM: usize = 1 << 12;

/// On whose behalf, and by whom, ballots are cast.
pub(super) struct Cast {
    pub(super) contest: Arc<Contest>,
    pub(super) caller: Arc<str>,
    pub(super) voter: Option<String>,
}

impl Ingest {
    /// Counts why a request as a whole was refused; ballots that are not good are counted one by one.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        if let Refusal::Other(error) | Refusal::Ended(error, _) = refusal {
            self.0.commit.meters.rejected(error.code());
        }
    }

    /// Answers a request that casts ballots.
    pub(super) async fn cast<B>(&self, target: Target, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = match self.answer(target, request).await {
            Ok(response) => response,
            Err(refusal) => {
                self.count_refusal(&refusal);
                refusal.into_response()
            }
        };
        self.0.requests.count(response.status());
        if origin.is_some() {
            self.share(origin, &mut response);
        }
        response
    }

    async fn answer<B>(&self, target: Target, request: Request<B>) -> Result<Response, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    {
        let (head, body) = request.into_parts();
        self.admit(&head.headers, &head.uri)?;
        let cast = self.who(&target, &head.headers).await?;
        // What is rare is boxed: every request's future would have the size of the largest.
        match Format::of(&head.headers)? {
            Format::Lines => {
                // A stream may last, and a head has up to 32 KiB.
                let token = head.headers.get(header::AUTHORIZATION).cloned();
                drop(head);
                Box::pin(stream::lines(self, cast, token, body)).await
            }
            Format::Json => {
                let whole = body::whole(&head.headers, body, &self.0.commit.flow).await?;
                // The contest may have closed while it came.
                let late = whole.was_waited_for();
                let cast = if late { Box::pin(self.who(&target, &head.headers)).await? } else { cast };
                drop(head);
                self.json(cast, whole).await
            }
        }
    }

    /// In which contest, if it takes ballots now, and on whose behalf.
    async fn who(&self, target: &Target, headers: &HeaderMap) -> Result<Cast, Refusal> {
        let (contest, caller) = self.admitted(&target.contest, target.kind, headers).await?;
        let voter = voter(headers)?;
        Ok(Cast { contest, caller, voter })
    }

    async fn json(&self, cast: Cast, whole: Whole) -> Result<Response, Refusal> {
        match whole.json().iter().find(|b| !b.is_ascii_whitespace()) {
            None => Err(HttpError::bad_request("empty-body", "expected a ballot, or an array of ballots").into()),
            Some(b'[') => Box::pin(self.many(cast, whole)).await,
            Some(_) => self.one(&cast, whole).await,
        }
    }

    async fn one(&self, cast: &Cast, whole: Whole) -> Result<Response, Refusal> {
        let Cast { contest, caller, voter } = cast;
        let (id, ticket) = {
            let outcome = contest.definition.ballot(whole.json(), voter.as_deref())?;
            let ballot = outcome.map_err(|faults| self.rejected(faults))?;
            self.gather_one(contest, caller, whole.json().len(), ballot)?
        };
        // The batch holds it from here on.
        drop(whole);
        match ticket.wait().await {
            Outcome::Confirmed => Ok(answer::accepted_one(&id)),
            Outcome::Unknown => Err(Refusal::unknown_one(id)),
            Outcome::NotAccepted => Err(Refusal::NotAccepted),
        }
    }

    fn gather_one(
        &self,
        contest: &Contest,
        caller: &str,
        bytes: usize,
        ballot: Ballot<'_>,
    ) -> Result<(String, Arc<Ticket>), Refusal> {
        let request = request_id();
        let own = ballot.id.as_deref().map(str::to_owned);
        let ballot = if contest.definition.draws() {
            let id = own.as_deref().map_or(Id::Request(request), Id::Client);
            self.drawn(contest, caller, &id, ballot)
        } else {
            ballot
        };
        let id = own.unwrap_or_else(|| Hyphenated::from_uuid(request).to_string());
        let lane = &contest.lanes[contest.definition.lane(&ballot.values)];
        // Blanks between its values, of which its JSON may have any number, take no room.
        let room = bytes.min(SEGMENT_BYTES) + ROOM;
        let ticket = lane.gather(room, 1, |out| batch::append_one(out, caller, request, &ballot));
        Ok((id, ticket.ok_or(Refusal::NotAccepted)?))
    }

    fn rejected(&self, faults: Vec<Fault>) -> Refusal {
        faults.iter().for_each(|fault| self.0.commit.meters.rejected(fault.code));
        Refusal::faults(0, faults)
    }

    async fn many(&self, cast: Cast, whole: Whole) -> Result<Response, Refusal> {
        let Cast { contest, caller, voter } = cast;
        let mut gatherer = Gatherer::new(self, contest.clone(), caller, false);
        // The ballots borrow the body and must not be held while something is awaited.
        {
            let ballots = contest.definition.ballots(whole.json(), voter.as_deref(), ARRAY)?;
            if ballots.is_empty() {
                return Err(HttpError::unprocessable("empty-array", "expected at least one ballot").into());
            }
            for (position, outcome) in (0..).zip(ballots) {
                match outcome {
                    Ok(ballot) => gatherer.add(position, ballot),
                    Err(faults) => gatherer.reject(position, faults),
                }
            }
        }
        drop(whole);
        answer::of_tally(gatherer.finish().await)
    }
}

/// Who votes where ballots name nobody: the header `X-Voter`, in UTF-8.
fn voter(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(header) = single(headers, "x-voter")? else { return Ok(None) };
    let invalid = |why: String| {
        Refusal::from(HttpError::new(StatusCode::BAD_REQUEST, "invalid-voter", format!("the header X-Voter: {why}")))
    };
    let text = std::str::from_utf8(header.as_bytes()).map_err(|_| invalid("expected UTF-8".to_owned()))?;
    let voter = contests::ballot::voter(text).map_err(|fault| invalid(fault.message))?;
    Ok(voter.map(str::to_owned))
}
