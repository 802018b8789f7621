//! Contests: cast ballots, read standings, the log and the audit, command what administrators may.

use std::fmt;

use contests::{Audit, Definition, Kind, Standings, gate};
use jiff::Timestamp;
use reqwest::{Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{Client, Error, Lines};

/// A contest as the server tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Votes or scores.
    pub kind: Kind,
    /// Whether ballots are taken.
    pub state: gate::State,
    /// What else the server says: definition, window, ….
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Contest {
    /// The id of the installation that holds its ballots, where the server tells it.
    pub fn installation(&self) -> Option<&str> {
        self.more.get("installation")?.as_str()
    }

    /// The names of its fields, in their order; none where they are not told.
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.more.get("definition").and_then(|definition| definition.get("fields"));
        match fields.or_else(|| self.more.get("fields")) {
            Some(Value::Array(list)) => list.iter().filter_map(|f| f.get("name").and_then(Value::as_str)).collect(),
            Some(Value::Object(fields)) => fields.keys().map(String::as_str).collect(),
            _ => vec![],
        }
    }

    /// Whether a field holds whole numbers, by its definition; `None` where the contest has no such field.
    pub fn is_integer(&self, field: &str) -> Option<bool> {
        let fields = self.more.get("definition").unwrap_or(&Value::Null).get("fields");
        let fields = fields.or_else(|| self.more.get("fields"))?;
        let of = match fields {
            Value::Array(list) => list.iter().find(|f| f.get("name").and_then(Value::as_str) == Some(field)),
            _ => fields.get(field),
        };
        Some(of?.get("type")?.as_str()? == "integer")
    }
}

/// What became of the ballots of one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CastAnswer {
    /// How many are in the queue now, for good.
    pub accepted: u64,
    /// Their ids, or the first and the last.
    #[serde(default)]
    pub ids: Value,
    /// The first that are not good, with every reason.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
    /// How many are not good.
    #[serde(default)]
    pub rejections: u64,
}

/// One ballot of a request that is not good.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rejected {
    /// Its position in the request, from 0.
    pub position: u64,
    /// The field; empty where it is about the whole ballot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// A stable word for programs.
    pub code: String,
    /// What was expected.
    pub message: String,
}

impl Rejected {
    /// What is wrong, without the ballot's position.
    pub fn fault(&self) -> String {
        let field = if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) };
        format!("{field}{} [{}]", self.message, self.code)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ballot {}: {}", self.position, self.fault())
    }
}

/// One page of a contest's log, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// The ballots.
    pub ballots: Vec<Map<String, Value>>,
    /// The cursor of the next page; `None`: this is the last.
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Contests {
    Bare(Vec<Contest>),
    Wrapped { contests: Vec<Contest> },
}

#[derive(Deserialize)]
struct Defined {
    definition: Box<RawValue>,
}

impl Client {
    /// Casts ballots: a JSON object, or an array. Each must have an `id` of its own, so that it may be sent again.
    pub async fn cast(&self, contest: &str, ballots: Vec<u8>) -> Result<CastAnswer, Error> {
        let url = self.url(&["contests", contest, "ballots"], &[])?;
        self.json(Method::POST, url, |r| r.header(header::CONTENT_TYPE, "application/json").body(ballots.clone())).await
    }

    /// Every contest.
    pub async fn contests(&self) -> Result<Vec<Contest>, Error> {
        Ok(match self.get_json(self.url(&["contests"], &[])?).await? {
            Contests::Bare(contests) | Contests::Wrapped { contests } => contests,
        })
    }

    /// One contest.
    pub async fn contest(&self, name: &str) -> Result<Contest, Error> {
        self.get_json(self.url(&["contests", name], &[])?).await
    }

    /// One contest, and its definition: fields and tallies in the order of its file.
    pub async fn contest_defined(&self, name: &str) -> Result<(Contest, Definition), Error> {
        let url = self.url(&["contests", name], &[])?;
        let unexpected = |reason: String| Error::Unexpected { path: url.path().to_owned(), reason };
        // Read twice: a map of values would forget the order.
        let whole: Box<RawValue> = self.get_json(url.clone()).await?;
        let contest = serde_json::from_str(whole.get()).map_err(|e| unexpected(e.to_string()))?;
        let Defined { definition } = serde_json::from_str(whole.get()).map_err(|e| unexpected(e.to_string()))?;
        let told = |problems: Vec<domain::Problem>| problems.first().map(ToString::to_string).unwrap_or_default();
        let definition = Definition::parse(definition.get()).map_err(|problems| unexpected(told(problems)))?;
        Ok((contest, definition))
    }

    /// Standings; `query` may choose a `tally` and how many rows (`top`).
    pub async fn standings(&self, contest: &str, query: &[(&str, &str)]) -> Result<Standings, Error> {
        self.get_json(self.url(&["contests", contest, "standings"], query)?).await
    }

    /// Standings each time they change: the lines of an event stream.
    pub async fn standings_stream(&self, contest: &str, query: &[(&str, &str)]) -> Result<Lines, Error> {
        let url = self.url(&["contests", contest, "standings"], query)?;
        let stream = |r: reqwest::RequestBuilder| r.header(header::ACCEPT, "text/event-stream");
        Ok(Lines::new(self.clone(), self.send(&Method::GET, &url, stream).await?))
    }

    /// A page of the log.
    pub async fn ballots(&self, contest: &str, query: &[(&str, &str)]) -> Result<LogPage, Error> {
        self.get_json(self.url(&["contests", contest, "ballots"], query)?).await
    }

    /// Where every accepted ballot is.
    pub async fn audit(&self, contest: &str) -> Result<Audit, Error> {
        self.get_json(self.url(&["contests", contest, "audit"], &[])?).await
    }

    /// Opens or closes a contest: at a time to come, or at once by the server's clock.
    pub async fn set_gate(&self, contest: &str, open: bool, at: Option<Timestamp>) -> Result<(), Error> {
        let url = self.url(&["contests", contest, "gate"], &[])?;
        let at = at.map(|at| ("at", json!(at)));
        let command: Map<_, _> =
            at.into_iter().chain([("open", json!(open))]).map(|(k, v)| (k.to_owned(), v)).collect();
        self.send(&Method::PUT, &url, |r| r.json(&command)).await.map(drop)
    }

    /// Compares ledger, log and counters.
    pub async fn verify(&self, contest: &str) -> Result<Map<String, Value>, Error> {
        self.json(Method::POST, self.url(&["contests", contest, "verify"], &[])?, |r| r).await
    }

    /// Counts anew, from the whole ledger.
    pub async fn rebuild(&self, contest: &str) -> Result<Map<String, Value>, Error> {
        self.json(Method::POST, self.url(&["contests", contest, "rebuild"], &[])?, |r| r).await
    }
}
