//! The parameters of queries and headers, checked; unknown ones are refused.

use axum::http::{HeaderMap, header};
use bootstrap::{HttpError, http::single};
use domain::{OnFailure, Options, Revision, TaskName, limits};
use jiff::{SignedDuration, fmt::friendly::SpanParser};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[cfg(test)]
mod tests;

/// The longest `ready_deadline`.
const LONGEST_DEADLINE: SignedDuration = SignedDuration::from_hours(24);

/// What `POST /yaml` takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Submit {
    /// The task's name, unique in the tenant; a generated one otherwise.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$", example = "swj-demo")]
    pub name: Option<TaskName>,
    /// Only say what would happen; nothing is written anywhere.
    #[param(value_type = Option<bool>, nullable = false)]
    pub dry_run: bool,
    /// What to do when the revision fails: leave what was applied, or go back to the live revision.
    #[param(value_type = Option<OnFailure>, inline, nullable = false)]
    pub on_failure: OnFailure,
    /// How long what keeps running may take to become healthy, up to 24 h.
    #[param(value_type = Option<String>, nullable = false, pattern = "^([1-9][0-9]{0,3}s|([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m|([1-9]|1[0-9]|2[0-4])h)$", example = "10m")]
    pub ready_deadline: Option<String>,
    /// The cluster to apply to; the default one otherwise.
    #[param(value_type = Option<String>, nullable = false, min_length = 1)]
    pub target: Option<String>,
}

/// What `PUT /yaml/{id}` takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Replace {
    /// Go back to this revision; the request has no body then.
    #[param(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 999_999)]
    pub revision: Option<Revision>,
    /// Only say what would happen; nothing is written anywhere.
    #[param(value_type = Option<bool>, nullable = false)]
    pub dry_run: bool,
    /// What to do when the revision fails: leave what was applied, or go back to the live revision.
    #[param(value_type = Option<OnFailure>, inline, nullable = false)]
    pub on_failure: OnFailure,
    /// How long what keeps running may take to become healthy, up to 24 h.
    #[param(value_type = Option<String>, nullable = false, pattern = "^([1-9][0-9]{0,3}s|([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m|([1-9]|1[0-9]|2[0-4])h)$", example = "10m")]
    pub ready_deadline: Option<String>,
    /// The cluster that the task is in, which is meant without it too: a task does not move.
    #[param(value_type = Option<String>, nullable = false, min_length = 1)]
    pub target: Option<String>,
    /// Whether PersistentVolumeClaims that the new files lack may be deleted.
    #[param(value_type = Option<bool>, nullable = false)]
    pub prune_volumes: bool,
    /// Whether more than half of the objects may be deleted.
    #[param(value_type = Option<bool>, nullable = false)]
    pub confirm_prune: bool,
}

/// Which form of a revision to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The files as sent.
    #[default]
    Source,
    /// What is applied.
    Rendered,
    /// What validation said.
    Report,
}

/// What `GET /yaml/{id}` takes.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Read {
    /// The revision; the highest one otherwise.
    #[param(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 999_999)]
    pub revision: Option<Revision>,
    /// Which form of it.
    #[param(value_type = Option<Form>, inline, nullable = false)]
    pub form: Form,
}

impl Submit {
    /// How the revision is to be run.
    pub fn options(&self, targets: &[String]) -> Result<Options, HttpError> {
        options(self.on_failure, self.ready_deadline.as_deref(), self.target.as_deref(), targets)
    }
}

impl Replace {
    /// How the revision is to be run.
    pub fn options(&self, targets: &[String]) -> Result<Options, HttpError> {
        let base = options(self.on_failure, self.ready_deadline.as_deref(), self.target.as_deref(), targets)?;
        Ok(Options { prune_volumes: self.prune_volumes, confirm_prune: self.confirm_prune, ..base })
    }
}

fn options(
    on_failure: OnFailure,
    deadline: Option<&str>,
    target: Option<&str>,
    targets: &[String],
) -> Result<Options, HttpError> {
    let mut options = Options { on_failure, ..Options::default() };
    if let Some(text) = deadline {
        options.ready_deadline_seconds = seconds(text)?;
    }
    if let Some(name) = target {
        if !targets.iter().any(|known| known == name) {
            let known = if targets.is_empty() {
                "only the default cluster is known; leave it out".to_owned()
            } else {
                targets.join(", ")
            };
            return Err(HttpError::parameter("target", format!("no cluster of that name; expected: {known}")));
        }
        name.clone_into(&mut options.target);
    }
    Ok(options)
}

fn seconds(text: &str) -> Result<u32, HttpError> {
    let parsed = SpanParser::new().parse_duration(text).ok().filter(|d| *d <= LONGEST_DEADLINE);
    let seconds = parsed.and_then(|d| u32::try_from(d.as_secs()).ok()).filter(|s| *s > 0);
    seconds.ok_or_else(|| HttpError::parameter("ready_deadline", "expected a duration of 1s to 24h, for example 10m"))
}

/// The revision of `If-Match`; `None` where the header is absent or `*`.
pub fn if_match(headers: &HeaderMap) -> Result<Option<Revision>, HttpError> {
    let Some(value) = single(headers, header::IF_MATCH.as_str())? else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let number = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    match (text, number.parse()) {
        ("*", _) => Ok(None),
        (_, Ok(revision)) if number.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(revision)),
        _ => Err(HttpError::parameter("if-match", "expected the number of the revision that is to be replaced")),
    }
}

/// The `Idempotency-Key`, if there is one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, HttpError> {
    let Some(value) = single(headers, "idempotency-key")? else { return Ok(None) };
    let visible = |key: &str| key.bytes().all(|b| b.is_ascii_graphic());
    let valid = |key: &&str| !key.is_empty() && key.len() <= limits::IDEMPOTENCY_KEY_BYTES && visible(key);
    let key = value.to_str().ok().filter(valid);
    key.map(Some).ok_or_else(|| HttpError::parameter("idempotency-key", "expected 1 to 255 visible ASCII characters"))
}
