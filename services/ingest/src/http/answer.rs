//! What is answered: 202 with ids, or problem+json.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bootstrap::HttpError;
use contests::{Fault, Kind, ballot::BodyError};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    contest::Contest,
    gather::{Rejected, Tally},
};

/// Ballots were accepted: a quorum of the broker has them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// How many.
    accepted: u64,
    /// Their ids.
    ids: Ids,
    /// The first hundred that are not good, with every reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Rejected>,
    /// How many are not good.
    #[serde(skip_serializing_if = "is_zero")]
    rejections: u64,
}

/// Ids of ballots: of one, or of the first and the last of many. Of those that were given one here where there are any, all
/// of which are `<uuid>.<position>`; else the client's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Ids {
    /// Of one ballot.
    One([String; 1]),
    /// Of many.
    Range {
        /// Of the first good one.
        first: String,
        /// Of the last good one.
        last: String,
    },
}

impl From<(String, String)> for Ids {
    fn from((first, last): (String, String)) -> Self {
        if first == last { Self::One([first]) } else { Self::Range { first, last } }
    }
}

/// The body of every refusal, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BallotProblem {
    /// A stable name of the kind of error, `urn:marea:problem:<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// The status' own words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What was expected and what to do.
    detail: String,
    /// What is wrong, each with its position and field.
    errors: Vec<Rejected>,
    /// Of `outcome-unknown`: the ids to send the same ballots again under. Of a stream that was ended: the first good
    /// one's and the last's before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Ids>,
    /// How many of the request's ballots were accepted nevertheless: of a part whose outcome is unknown, or before a
    /// stream was ended.
    #[serde(skip_serializing_if = "is_zero")]
    accepted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl BallotProblem {
    fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self {
            kind: format!("urn:marea:problem:{code}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.to_owned(),
            errors: vec![],
            ids: None,
            accepted: 0,
        }
    }

    fn telling(self, told: Told) -> Self {
        let Told { ids, accepted, rejected } = told;
        Self { ids, accepted, errors: rejected, ..self }
    }
}

/// What is told of ballots beside a refusal.
#[derive(Debug, Default)]
pub struct Told {
    /// The ids of the good ones.
    ids: Option<Ids>,
    /// How many were confirmed.
    accepted: u64,
    /// The first that are not good.
    rejected: Vec<Rejected>,
}

/// Why ballots were not accepted.
#[derive(Debug)]
pub enum Refusal {
    /// The broker is silent or memory is used up: nothing was published.
    NotAccepted,
    /// Published, and not confirmed in time.
    OutcomeUnknown(Told),
    /// A stream was ended before its end: why, and what was taken until then.
    Ended(HttpError, Told),
    /// No ballot was good.
    NoneGood(Vec<Rejected>),
    /// Something else.
    Other(HttpError),
}

impl From<HttpError> for Refusal {
    fn from(error: HttpError) -> Self {
        Self::Other(error)
    }
}

impl Refusal {
    pub(super) fn other_kind(name: &str, kind: Kind) -> Self {
        HttpError::not_found(format!("the contest `{name}` takes {kind}: POST /{kind}/{name}")).into()
    }

    pub(super) fn not_open(contest: &Contest, state: &str) -> Self {
        let detail = format!("the contest `{}` is {state}", contest.definition.name);
        HttpError::conflict("contest-not-open", detail).into()
    }

    pub(super) fn unknown_one(id: String) -> Self {
        Self::OutcomeUnknown(Told { ids: Some(Ids::One([id])), ..Told::default() })
    }

    pub(super) fn faults(position: u32, faults: Vec<Fault>) -> Self {
        let all = faults.into_iter().map(|Fault { field, code, message }| Rejected { position, field, code, message });
        Self::NoneGood(all.collect())
    }

    fn problem(self) -> Result<BallotProblem, HttpError> {
        Ok(match self {
            Self::NotAccepted => {
                let detail = "the broker does not confirm, or too much is under way; nothing was taken, try again";
                BallotProblem::new(StatusCode::SERVICE_UNAVAILABLE, "not-accepted", detail)
            }
            Self::OutcomeUnknown(told) => {
                let detail = "the broker has not confirmed in time; the ballots may count. To be sure, send them \
                              again with `id` as given here: none counts twice. `errors` names those that are not good";
                BallotProblem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail).telling(told)
            }
            Self::Ended(error, told) => {
                let detail = format!("{}; what came before counts, as `accepted` and `ids` say", error.detail());
                BallotProblem::new(error.status(), error.code(), &detail).telling(told)
            }
            Self::NoneGood(errors) => {
                let detail = "no ballot is good; `errors` says what is wrong with each";
                let problem = BallotProblem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-ballot", detail);
                BallotProblem { errors, ..problem }
            }
            Self::Other(error) => return Err(error),
        })
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let detail = error.to_string();
        match error {
            BodyError::Json { .. } => HttpError::bad_request("invalid-json", detail).into(),
            BodyError::TooMany { .. } => HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = match self.problem() {
            Ok(problem) => problem,
            Err(error) => return error.into_response(),
        };
        let status = StatusCode::from_u16(problem.status).expect("it was a status");
        let body = serde_json::to_vec(&problem).expect("a problem has string keys only");
        let mut response = respond(status, "application/problem+json", body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The answer to one ballot: written by hand, for this is what most requests get.
pub(super) fn accepted_one(id: &str) -> Response {
    const BEFORE: &str = r#"{"accepted":1,"ids":[""#;
    const AFTER: &str = "\"]}";
    let mut body = Vec::with_capacity(BEFORE.len() + id.len() + AFTER.len() + 8);
    body.extend_from_slice(BEFORE.as_bytes());
    if id.bytes().any(|b| b == b'"' || b == b'\\') {
        // A client's own id may hold what JSON escapes.
        body.extend_from_slice(id.replace('\\', r"\\").replace('"', r#"\""#).as_bytes());
    } else {
        body.extend_from_slice(id.as_bytes());
    }
    body.extend_from_slice(AFTER.as_bytes());
    respond(StatusCode::ACCEPTED, "application/json", body)
}

/// The answer to many.
pub(super) fn of_tally(tally: Tally) -> Result<Response, Refusal> {
    let Tally { accepted, unknown, refused, ids, rejected, rejections } = tally;
    let ids = ids.map(Ids::from);
    if unknown > 0 || (refused > 0 && accepted > 0) {
        return Err(Refusal::OutcomeUnknown(Told { ids, accepted, rejected }));
    }
    if refused > 0 {
        return Err(Refusal::NotAccepted);
    }
    let Some(ids) = ids else { return Err(Refusal::NoneGood(rejected)) };
    let body = Accepted { accepted, ids, rejected, rejections };
    let body = serde_json::to_vec(&body).expect("an answer has string keys only");
    Ok(respond(StatusCode::ACCEPTED, "application/json", body))
}

/// The answer to a stream that was ended: why, and what came of what came before.
pub(super) fn ended(error: HttpError, tally: Tally) -> Refusal {
    let Tally { accepted, unknown, refused, ids, rejected, .. } = tally;
    let told = Told { ids: ids.map(Ids::from), accepted, rejected };
    if unknown > 0 || (refused > 0 && accepted > 0) {
        return Refusal::OutcomeUnknown(told);
    }
    if refused > 0 { Refusal::NotAccepted } else { Refusal::Ended(error, told) }
}

fn respond(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What a page may do: cast ballots.
pub(super) fn preflight(origin: &HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, x-voter"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (header::VARY, "origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
