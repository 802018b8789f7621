//! The API server's refusals as problems for a person. Pure.
//!
//! Its texts repeat values of what was sent. Of a Secret no text is passed on at all.

use domain::{Problem, limits};

use crate::{
    api::{Cause, Error, Refusal},
    desired::Desired,
};

/// What is said instead of a text that may hold a Secret's value.
const WITHHELD: &str = "the API server's text is withheld, because it may repeat a value of the Secret";

/// What is said of a Secret that was not taken in time.
const NOT_YET: &str =
    "the API server did not take the Secret in time; its text is withheld, because it may repeat a value";

/// The problem of an object that could not be applied.
pub(crate) fn problems(desired: &Desired, error: &Error) -> Vec<Problem> {
    let refusal = match error {
        Error::Refused(refusal) => refusal,
        Error::Later(_) if desired.is_secret() => return vec![desired.problem(Problem::error("not_applied", NOT_YET))],
        other => return vec![desired.problem(Problem::error("not_applied", bounded(&other.to_string())))],
    };
    let problems = if refusal.is_conflict() {
        refusal.conflicts().map(|(manager, field)| conflict(manager, field)).collect()
    } else if refusal.code == 422 && !refusal.causes.is_empty() {
        refusal.causes.iter().map(|cause| invalid(cause, desired.is_secret())).collect()
    } else {
        vec![general(refusal, desired)]
    };
    problems.into_iter().map(|p| desired.problem(p)).collect()
}

fn conflict(manager: &str, field: &str) -> Problem {
    let text = format!(
        "the field is set by `{manager}`, which is not this task: leave it out of the manifest, or make `{manager}` give it up"
    );
    Problem::error("conflict", text).at(field.trim_start_matches('.'))
}

fn invalid(cause: &Cause, secret: bool) -> Problem {
    let immutable = cause.message.contains("immutable") || cause.message.contains("updates to");
    let (code, advice) = match immutable {
        true => {
            ("immutable_field", "; it cannot be changed in place: give the object another name, or delete it first")
        }
        false => ("refused_by_cluster", ""),
    };
    let text = match (secret, immutable) {
        (true, true) => "field is immutable",
        (true, false) => WITHHELD,
        _ => without_value(&cause.message),
    };
    Problem::error(code, bounded(&format!("{text}{advice}"))).at(cause.field.clone())
}

/// `Invalid value: {…}: field is immutable` says the same without the value.
fn without_value(message: &str) -> &str {
    match message.starts_with("Invalid value: ") {
        true => message.rsplit_once(": ").map_or(message, |(_, text)| text),
        false => message,
    }
}

fn general(refusal: &Refusal, desired: &Desired) -> Problem {
    let namespace = &desired.object.namespace;
    if refusal.lacks_namespace() {
        return Problem::error(
            "namespace_missing",
            format!("the namespace `{namespace}` does not exist: ask an administrator to make it"),
        );
    }
    if refusal.namespace_terminates() {
        return Problem::error(
            "namespace_terminating",
            format!("the namespace `{namespace}` is being deleted: wait, or choose another"),
        );
    }
    let code = match refusal.code {
        403 => "forbidden_by_cluster",
        413 => "too_large",
        _ => "refused_by_cluster",
    };
    let text = if desired.is_secret() && !names_rights_only(refusal) { WITHHELD } else { &refusal.message };
    Problem::error(code, bounded(text))
}

/// Whether the text says who may not do what, or which quota is used up, in the API server's own words. What webhooks and
/// policies say may repeat the object.
fn names_rights_only(refusal: &Refusal) -> bool {
    let own = refusal.message.strip_prefix("secrets ").and_then(|text| text.split_once("is forbidden: "));
    refusal.code == 403 && own.is_some_and(|(_, why)| why.starts_with("User \"") || why.starts_with("exceeded quota: "))
}

/// Texts of others have no bound of their own.
pub(crate) fn bounded(text: &str) -> String {
    match text.char_indices().nth(limits::PROBLEM_BYTES / 2) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
