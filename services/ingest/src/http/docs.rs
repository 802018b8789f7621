//! The routes as the API's description shows them.
//!
//! [`super::Front`] answers those of ballots before a router sees them; behind a router alone they answer the same.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Target,
    answer::{Accepted, BallotProblem, Ids},
    gate,
};
use crate::{Ingest, gather::Rejected};

/// What the bodies of answers refer to, which `IntoResponses` leaves out.
#[derive(OpenApi)]
#[openapi(components(schemas(Ids, Rejected)))]
struct Bodies;

/// The routes.
pub fn routes(ingest: &Ingest) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Bodies::openapi())
        .routes(routes!(ballots))
        .routes(routes!(votes))
        .routes(routes!(votes_in))
        .routes(routes!(scores))
        .routes(routes!(scores_in))
        .routes(routes!(gate::put))
        .with_state(ingest.clone())
}

/// What all of them answer.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only described")]
enum Answers {
    /// A quorum of the broker has the ballots.
    #[response(status = 202)]
    Accepted(#[to_schema] Accepted),
    /// The body is no JSON, or empty.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] BallotProblem),
    /// The contest asks for a token, and there is none, or not a valid one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] BallotProblem),
    /// The token lacks the scope `ballots`.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] BallotProblem),
    /// There is no such contest, or it takes the other kind: the answer names the right route.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] BallotProblem),
    /// The body came too slowly: 64 KiB in 10 seconds are the least, and of a stream a byte; all of a body has 60
    /// seconds, and so has each line. Of a stream `accepted` and `ids` say what was taken before.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(#[to_schema] BallotProblem),
    /// The contest is not open yet, or closed. Of a stream that was open at the close `accepted` and `ids` say what was
    /// taken before.
    #[response(status = 409, content_type = "application/problem+json")]
    NotOpen(#[to_schema] BallotProblem),
    /// More than 4 MiB, or an array of more than 10,000 ballots. NDJSON has no such bound; a line of more than 4 MiB ends
    /// it.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] BallotProblem),
    /// Neither JSON nor NDJSON.
    #[response(status = 415, content_type = "application/problem+json")]
    Unsupported(#[to_schema] BallotProblem),
    /// No ballot is good. In an array or stream the good ones count, and `rejected` names the others.
    #[response(status = 422, content_type = "application/problem+json")]
    NoneGood(#[to_schema] BallotProblem),
    /// `not-accepted`: nothing was taken. `outcome-unknown`: send it again with the ids given here. `stream-ended`: what
    /// `accepted` and `ids` say was taken, send the rest again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] BallotProblem),
}

async fn answer(ingest: Ingest, request: Request) -> Response {
    match Target::of(request.uri().path()) {
        Some(target) => ingest.cast(target, request).await,
        None => super::Refusal::from(ingest.unknown("")).into_response(),
    }
}

macro_rules! route {
    ($(#[$doc:meta])+ $name:ident, $path:literal $(, $contest:literal)?) => {
        $(#[$doc])+
        #[utoipa::path(
            post, path = $path, tag = "contests", operation_id = concat!("cast_", stringify!($name)),
            params(
                $(($contest = String, Path, description = "The contest's name."),)?
                ("X-Voter" = Option<String>, Header, description = "Who votes, where a ballot names nobody."),
            ),
            request_body(
                description = "One ballot, or an array of at most 10,000; or one ballot a line, of any number.",
                content((serde_json::Value = "application/json"), (String = "application/x-ndjson")),
            ),
            responses(Answers),
        )]
        async fn $name(State(ingest): State<Ingest>, request: Request) -> Response {
            answer(ingest, request).await
        }
    };
}

route! {
    /// Cast ballots in a contest
    ballots, "/contests/{contest}/ballots", "contest"
}
route! {
    /// Vote in the sample contest
    votes, "/votes"
}
route! {
    /// Vote in a contest
    votes_in, "/votes/{contest}", "contest"
}
route! {
    /// Send scores to the sample contest
    scores, "/scores"
}
route! {
    /// Send scores to a contest
    scores_in, "/scores/{contest}", "contest"
}
