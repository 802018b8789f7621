//! What operations may answer beside what they are for, for the interface's document: lists of `responses(…)`.

use utoipa::IntoResponses;

use super::ProblemDetails;

/// What each that reads a parameter or a body may answer.
#[derive(IntoResponses)]
#[response(
    status = 400,
    description = "A parameter or the body is not valid.",
    content_type = "application/problem+json"
)]
#[expect(dead_code, reason = "only what it documents is used: `HttpError` answers")]
pub struct Invalid(ProblemDetails);

/// What each that asks for a scope may answer.
#[derive(IntoResponses)]
pub enum Denied {
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
pub enum Unread {
    /// The body came too slowly.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(ProblemDetails),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    Large(ProblemDetails),
    /// Not of a media type that is read here.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(ProblemDetails),
}
