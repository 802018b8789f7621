//! A ballot cast by a form.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use client::{Contest, Error};
use contests::{
    Definition,
    ballot::is_id,
    definition::{Field, Shape},
};
use maud::Markup;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Page,
    error::PageError,
    page::{self, VoteForm},
    session::{self, Caller},
};

/// For how long a ballot is sent again after a failure that may pass: it counts once under its id.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Deserialize)]
pub struct After {
    /// The ballot that was cast just now.
    cast: Option<String>,
}

pub async fn form(
    caller: Caller,
    Path(name): Path<String>,
    Query(after): Query<After>,
    headers: HeaderMap,
) -> Result<Markup, PageError> {
    let (contest, definition) = caller.client.contest_defined(&name).await?;
    // Only of what was cast from here: a link could name any ballot.
    let known = session::just_cast(&headers);
    let cast = after.cast.filter(|id| is_id(id) && known.is_some_and(|known| known == encoded(id)));
    let form = VoteForm { cast, ..fresh(&contest, definition) };
    Ok(page::vote(&form, caller.signed_in))
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

fn fresh(contest: &Contest, definition: Definition) -> VoteForm {
    let (typed, faults) = Default::default();
    VoteForm {
        definition,
        state: contest.state,
        id: Uuid::now_v7().to_string(),
        typed,
        faults,
        trouble: None,
        cast: None,
    }
}

pub async fn send(
    State(page): State<Page>,
    caller: Caller,
    Path(name): Path<String>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (contest, definition) = caller.client.contest_defined(&name).await?;
    let mut typed: BTreeMap<String, String> = sent.into_iter().collect();
    let own = typed.remove("id").filter(|id| is_id(id));
    let form = VoteForm { typed, ..fresh(&contest, definition) };
    // Without its id it might count twice: it gets one, and is sent by whoever looks.
    let Some(id) = own else {
        let trouble = "The form came without its ballot id, and was not sent. Please send it again.";
        return Ok(again(
            VoteForm { trouble: Some(trouble.to_owned()), ..form },
            StatusCode::UNPROCESSABLE_ENTITY,
            &caller,
        ));
    };
    let form = VoteForm { id, ..form };
    let cast = caller.client.clone().patient(PATIENCE).cast(&form.definition.name, ballot(&form)).await;
    match cast {
        Ok(_) => {
            let id = encoded(&form.id);
            let to = Redirect::to(&format!("/standings/{}/vote?cast={id}", form.definition.name));
            let cookie = session::cast_cookie(&id, page.secure_cookie).expect("it is ASCII");
            Ok(([(header::SET_COOKIE, cookie)], to).into_response())
        }
        Err(error) => refused(form, error, &caller),
    }
}

/// The ballot as JSON. What is not filled in is left out, and what is no number where one is wanted is sent as it is:
/// the interface says what is wrong.
fn ballot(form: &VoteForm) -> Vec<u8> {
    let typed = |name: &str| form.typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let value = |field: &Field| {
        let text = typed(&field.name)?;
        let number = matches!(field.shape, Shape::Integer { .. }).then(|| text.parse::<i64>().ok()).flatten();
        Some((field.name.clone(), number.map_or_else(|| Value::from(text), Value::from)))
    };
    let mut ballot: Map<String, Value> = form.definition.fields.iter().filter_map(value).collect();
    ballot.insert("id".to_owned(), form.id.clone().into());
    ballot.extend(typed("voter").map(|voter| ("voter".to_owned(), voter.into())));
    Value::from(ballot).to_string().into_bytes()
}

/// Back to the form, with the same id and what was typed.
fn refused(form: VoteForm, error: Error, caller: &Caller) -> Result<Response, PageError> {
    match error {
        Error::Refused(mut refusal) if !refusal.rejected.is_empty() => {
            // In the form's order, not in that of what was found first.
            refusal.rejected.sort_by_key(|fault| form.definition.position(&fault.field));
            Ok(again(VoteForm { faults: refusal.rejected, ..form }, StatusCode::UNPROCESSABLE_ENTITY, caller))
        }
        Error::Refused(refusal) if matches!(refusal.status, 400 | 409 | 413 | 415 | 422) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(again(VoteForm { trouble: Some(format!("Not taken: {}.", refusal.detail)), ..form }, status, caller))
        }
        error if matches!(error.status(), None | Some(429 | 502..=504)) && !matches!(error, Error::Name { .. }) => {
            tracing::warn!(%error, "a ballot of the form was not confirmed");
            let trouble =
                "It is not known whether the ballot was taken. Send the form again: it counts once.".to_owned();
            Ok(again(VoteForm { trouble: Some(trouble), ..form }, StatusCode::SERVICE_UNAVAILABLE, caller))
        }
        error => Err(error.into()),
    }
}

fn again(form: VoteForm, status: StatusCode, caller: &Caller) -> Response {
    (status, page::vote(&form, caller.signed_in)).into_response()
}
