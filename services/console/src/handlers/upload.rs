//! Files sent by a form.

use axum::{
    extract::{Multipart, Path, multipart::MultipartError},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use client::{Accepted, Error, Upload};
use domain::{OnFailure, Problem, SourceFile, TaskName};
use maud::Markup;

use crate::{
    error::PageError,
    page::{self, Form},
    session::Caller,
};

pub async fn form(caller: Caller) -> Markup {
    page::upload(&Form::default(), caller.signed_in)
}

pub async fn send(caller: Caller, multipart: Multipart) -> Response {
    let (form, upload) = match read(multipart).await {
        Ok(read) => read,
        Err(refused) => return again(Form::default(), vec![refused], &caller),
    };
    let upload = match (form.name.as_str(), form.name.parse::<TaskName>()) {
        ("", _) => upload,
        (_, Ok(name)) => Upload { name: Some(name), ..upload },
        (_, Err(error)) => return again(form, vec![Problem::error("name", error.to_string()).at("name")], &caller),
    };
    let sent = caller.client.submit(&upload).await;
    answer(sent, form, &caller)
}

pub async fn replace_form(caller: Caller, Path(id): Path<String>) -> Result<Markup, PageError> {
    let task = caller.client.status(&id).await?;
    let form = Form { replaces: Some((task.id.to_string(), task.name)), ..Form::default() };
    Ok(page::upload(&form, caller.signed_in))
}

pub async fn replace(caller: Caller, Path(id): Path<String>, multipart: Multipart) -> Response {
    let name = match caller.client.status(&id).await {
        Ok(task) => task.name,
        Err(error) => return PageError(error).into_response(),
    };
    let replaces = Some((id.clone(), name));
    match read(multipart).await {
        Ok((form, upload)) => {
            let sent = caller.client.replace(&id, &upload).await;
            answer(sent, Form { replaces, ..form }, &caller)
        }
        Err(refused) => again(Form { replaces, ..Form::default() }, vec![refused], &caller),
    }
}

/// To the task, or back to the form with every problem.
fn answer(sent: Result<Accepted, Error>, form: Form, caller: &Caller) -> Response {
    match sent {
        Ok(accepted) => Redirect::to(&format!("/tasks/{}", accepted.id)).into_response(),
        Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 409 | 413 | 415 | 422) => {
            let problems = match refusal.errors.is_empty() {
                true => vec![Problem::error("refused", refusal.to_string())],
                false => refusal.errors,
            };
            again(form, problems, caller)
        }
        Err(error) => PageError(error).into_response(),
    }
}

fn again(form: Form, problems: Vec<Problem>, caller: &Caller) -> Response {
    let form = Form { problems, ..form };
    (StatusCode::UNPROCESSABLE_ENTITY, page::upload(&form, caller.signed_in)).into_response()
}

/// The form's fields: `name`, `text`, any number of `files`, and how it is to be run.
async fn read(mut multipart: Multipart) -> Result<(Form, Upload), Problem> {
    let (mut form, mut upload) = (Form::default(), Upload::default());
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        let (field_name, file_name) =
            (field.name().unwrap_or_default().to_owned(), field.file_name().unwrap_or_default().to_owned());
        let bytes = field.bytes().await.map_err(unreadable)?;
        let content = String::from_utf8(bytes.into()).map_err(|_| not_text(&file_name))?;
        match field_name.as_str() {
            "name" => content.trim().clone_into(&mut form.name),
            "text" => form.text = content,
            "on_failure" => form.running.on_failure = (content == "revert").then_some(OnFailure::Revert),
            "confirm_prune" => form.running.confirm_prune = content == "true",
            "prune_volumes" => form.running.prune_volumes = content == "true",
            // A browser sends an empty part where no file was chosen.
            "files" if !file_name.is_empty() => upload.files.push(SourceFile { name: file_name, content }),
            _ => {}
        }
    }
    if !form.text.trim().is_empty() {
        upload.files.push(SourceFile { name: "pasted.yaml".to_owned(), content: form.text.clone() });
    }
    if upload.files.is_empty() {
        return Err(Problem::error("empty", "choose a file, or paste a manifest"));
    }
    upload.running = form.running.clone();
    Ok((form, upload))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unreadable(error: MultipartError) -> Problem {
    Problem::error("unreadable", error.body_text())
}

fn not_text(file: &str) -> Problem {
    let problem = Problem::error("not_utf8", "the file is not UTF-8; save it in this encoding");
    Problem { file: file.to_owned(), ..problem }
}
