//! The parameters of queries, checked; unknown ones are refused.

use std::time::Duration;

use axum::http::HeaderMap;
use bootstrap::HttpError;
use domain::{State, TaskId};
use jiff::{SignedDuration, fmt::friendly::SpanParser};
use serde::{Deserialize, Deserializer, de::Error as _};
use utoipa::{
    IntoParams,
    openapi::{ObjectBuilder, Schema, Type},
};

#[cfg(test)]
mod tests;

/// The longest poll: below the time after which a silent connection is ended.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// Tasks of a page, unless told.
const LIMIT: u16 = 50;
/// Tasks of a page at most.
const MOST: u16 = 200;
/// The highest version that JSON's numbers tell apart from its neighbours.
const VERSIONS: u64 = (1 << 53) - 1;

/// What `GET /status/{id}` takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Poll {
    /// How long to wait for a version other than `after`, up to 60 s; the status as it is then.
    #[param(value_type = Option<String>, nullable = false, pattern = "^([1-5]?[0-9]|60)s$", example = "1s")]
    wait: Option<String>,
    /// The version that is known; the current one otherwise.
    #[param(value_type = Option<u64>, nullable = false, minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    after: Option<u64>,
}

impl Poll {
    /// The version that is known, if any.
    pub fn after(&self) -> Result<Option<u64>, HttpError> {
        match self.after {
            Some(version) if version > VERSIONS => Err(HttpError::parameter("after", "expected a version")),
            after => Ok(after),
        }
    }

    /// How long to wait, if at all.
    pub fn wait(&self) -> Result<Option<Duration>, HttpError> {
        let Some(text) = &self.wait else { return Ok(None) };
        let parsed = SpanParser::new().parse_duration(text).ok().filter(|d| !d.is_negative() && *d <= LONGEST_WAIT);
        let wait = parsed.and_then(|d| Duration::try_from(d).ok());
        wait.map(Some).ok_or_else(|| HttpError::parameter("wait", "expected a duration up to 60s, for example 20s"))
    }
}

/// What `GET /status` takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Window {
    /// Only tasks in this state. SUPERSEDED is a state of revisions, never of a task.
    #[param(schema_with = task_states, required = false)]
    #[serde(deserialize_with = "of_a_task")]
    pub state: Option<State>,
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<String>, nullable = false, format = Uuid, pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    pub cursor: Option<TaskId>,
    /// Tasks of a page; 50 otherwise.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// The states that a task may be in, for the interface's document.
fn task_states() -> Schema {
    let states = State::OF_A_TASK.map(State::as_str);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(states)).into()
}

fn of_a_task<'de, D: Deserializer<'de>>(text: D) -> Result<Option<State>, D::Error> {
    let text = String::deserialize(text)?;
    let found = State::OF_A_TASK.into_iter().find(|state| state.as_str() == text);
    let all = || State::OF_A_TASK.map(State::as_str).join(", ");
    found.map(Some).ok_or_else(|| D::Error::custom(format!("no such state of a task; expected one of {}", all())))
}

impl Window {
    /// Tasks of a page.
    pub fn limit(&self) -> Result<usize, HttpError> {
        match self.limit.unwrap_or(LIMIT) {
            limit @ 1..=MOST => Ok(limit.into()),
            _ => Err(HttpError::parameter("limit", "expected 1 to 200")),
        }
    }
}

/// What `GET /status/{id}/logs` takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// The object, or one of its pods, as `Kind/name`; every one that has pods otherwise.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[A-Za-z]+/[a-z0-9.-]+$", max_length = 300, example = "Job/splitter")]
    object: Option<String>,
    /// The container; every one otherwise.
    #[param(value_type = Option<String>, nullable = false, pattern = "^[a-z0-9-]+$", max_length = 63)]
    container: Option<String>,
    /// Whether to go on as lines come.
    #[param(value_type = Option<bool>, nullable = false)]
    pub follow: bool,
    /// The last lines of each container; 1,000 otherwise.
    #[param(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 100_000)]
    tail: Option<u32>,
}

impl Lines {
    /// The query of the internal call.
    pub fn pairs(&self) -> Result<Vec<(&'static str, String)>, HttpError> {
        let tail = self.tail.unwrap_or(1_000);
        if !(1..=100_000).contains(&tail) {
            return Err(HttpError::parameter("tail", "expected 1 to 100000"));
        }
        if self.object.as_ref().is_some_and(|o| !is_object(o)) {
            return Err(HttpError::parameter("object", "expected Kind/name, for example Job/splitter"));
        }
        if self.container.as_ref().is_some_and(|c| !is_name(c, 63, "-")) {
            return Err(HttpError::parameter("container", "expected a container's name"));
        }
        let mut pairs = vec![("follow", self.follow.to_string()), ("tail", tail.to_string())];
        pairs.extend(self.object.clone().map(|o| ("object", o)));
        pairs.extend(self.container.clone().map(|c| ("container", c)));
        Ok(pairs)
    }
}

fn is_object(text: &str) -> bool {
    let kind = |k: &str| !k.is_empty() && k.bytes().all(|b| b.is_ascii_alphabetic());
    text.len() <= 300 && text.split_once('/').is_some_and(|(k, name)| kind(k) && is_name(name, 253, "-."))
}

fn is_name(text: &str, max: usize, others: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || others.contains(c);
    !text.is_empty() && text.len() <= max && text.chars().all(fits)
}

/// The version that a stream was cut off after.
pub fn last_event(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}
