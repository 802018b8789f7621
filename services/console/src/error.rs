//! A page for what went wrong.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use client::Error;

use crate::page;

/// An error that a page ends with.
#[derive(Debug)]
pub struct PageError(pub Error);

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self.0 {
            Error::Refused(refusal) if refusal.status == 401 => Redirect::to("/login").into_response(),
            Error::Refused(refusal) => {
                let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY);
                let text = if refusal.detail.is_empty() { &refusal.title } else { &refusal.detail };
                (status, page::failure(status.as_u16(), text, &refusal.errors, false)).into_response()
            }
            Error::Name { .. } => {
                (StatusCode::NOT_FOUND, page::failure(404, "There is nothing of this name.", &[], false))
                    .into_response()
            }
            error => {
                tracing::warn!(error = %error, "the interface behind the page does not answer");
                let text = "Marea's interface does not answer. Nothing is lost; try again in a moment.";
                (StatusCode::BAD_GATEWAY, page::failure(502, text, &[], true)).into_response()
            }
        }
    }
}
