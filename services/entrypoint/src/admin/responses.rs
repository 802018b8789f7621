//! What these operations may answer beside what they are for, for the interface's document.

use bootstrap::http::ProblemDetails;
use utoipa::IntoResponses;

/// What each may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only what it documents is used: `HttpError` answers")]
pub enum Refused {
    /// A parameter or the body is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    NotValid(ProblemDetails),
    /// No token, or not a valid one.
    #[response(status = 401, content_type = "application/problem+json")]
    NoToken(ProblemDetails),
    /// The token lacks the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    NoScope(ProblemDetails),
    /// Try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDetails),
}

/// What those that are about one thing may answer.
#[derive(IntoResponses)]
#[response(status = 404, description = "There is none of that name or id.", content_type = "application/problem+json")]
#[expect(dead_code, reason = "only what it documents is used: `HttpError` answers")]
pub struct Absent(ProblemDetails);

/// What those that take a body may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only what it documents is used: `HttpError` answers")]
pub enum Unread {
    /// The body came too slowly.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(ProblemDetails),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    Large(ProblemDetails),
    /// Not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemDetails),
}
