//! The token: asked for, kept in a cookie, dropped.

use axum::{
    Form,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use client::Error;
use maud::Markup;
use serde::Deserialize;

use crate::{Page, error::PageError, page, session};

#[derive(Deserialize)]
pub struct Login {
    token: String,
}

pub async fn form() -> Markup {
    page::login("")
}

/// Keeps the token if the interface takes it.
pub async fn login(State(page): State<Page>, Form(login): Form<Login>) -> Response {
    let token = login.token.trim();
    let Some(cookie) = session::cookie(Some(token), page.secure_cookie).filter(|_| !token.is_empty()) else {
        return refused("This is not a token. It begins with mrt_.");
    };
    match page.client.with_token(Some(token.to_owned())).list(None, None, 1).await {
        Ok(_) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(Error::Refused(refusal)) if matches!(refusal.status, 401 | 403) => {
            refused("The token is not known, has ended, or may not see tasks.")
        }
        Err(error) => PageError(error).into_response(),
    }
}

fn refused(why: &str) -> Response {
    (StatusCode::UNAUTHORIZED, page::login(why)).into_response()
}

pub async fn logout(State(page): State<Page>) -> Response {
    let cookie = session::cookie(None, page.secure_cookie).expect("it is ASCII");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}
