//! The log of ballots: search and rows. What a contest hides has neither a filter nor a column.

use client::LogPage;
use contests::{
    Definition,
    definition::{Field, Shape},
};
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{
    contest::{Section, sections},
    frame::{Frame, Place},
};
use crate::time::exact;

/// What may be asked of every log, besides fields: a field of such a name cannot be searched for.
pub const FILTERS: [&str; 5] = ["id", "voter", "verdict", "since", "until"];

/// What the log shows.
#[derive(Debug, Clone)]
pub struct BallotLog {
    /// The contest.
    pub definition: Definition,
    /// What is asked for, by parameter; nothing that is hidden.
    pub asked: Vec<(String, String)>,
    /// Where this page begins.
    pub cursor: Option<String>,
    /// The rows, or why there are none.
    pub found: Result<LogPage, String>,
}

impl BallotLog {
    fn value(&self, parameter: &str) -> &str {
        self.asked.iter().find(|(name, _)| name == parameter).map_or("", |(_, value)| value)
    }

    fn visible(&self) -> impl Iterator<Item = &Field> {
        self.definition.fields.iter().filter(|field| !self.definition.is_hidden(&field.name))
    }

    fn shows_voters(&self) -> bool {
        !self.definition.is_hidden("voter")
    }

    fn address(&self, cursor: Option<&str>) -> String {
        let pairs = self.asked.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = pairs.chain(cursor.map(|cursor| ("cursor", cursor)));
        let query = pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let path = format!("/standings/{}/ballots", self.definition.name);
        let query = query.collect::<Vec<_>>().join("&");
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }
}

/// The page with the log.
pub fn ballots(log: &BallotLog, signed_in: bool) -> Markup {
    let name = &log.definition.name;
    let content = html! {
        h1 { "Log of " (log.definition.title) }
        (sections(name, Section::Log))
        (search(log))
        @match &log.found {
            Err(why) => p.bad role="alert" { (why) },
            Ok(page) => (rows(log, page)),
        }
    };
    Frame::new(&format!("Log of {}", log.definition.title), Place::Contests, signed_in).around(&content)
}

fn search(log: &BallotLog) -> Markup {
    let path = log.address(None);
    let path = path.split('?').next().unwrap_or_default();
    html! {
        form.row method="get" action=(path) role="search" aria-label="Ballots" {
            @for field in log.visible().filter(|field| !is_reserved(&field.name)) { (filter(log, field)) }
            (text(log, "id", "Ballot id"))
            @if log.shows_voters() { (text(log, "voter", "Voter")) }
            div {
                label for="q-verdict" { "Outcome" }
                (select("verdict", &[("counted", "counted"), ("over_limit", "over limit")], log.value("verdict")))
            }
            (moment(log, "since", "Since (UTC)"))
            (moment(log, "until", "Until (UTC)"))
            button.primary type="submit" { "Search" }
            @if !log.asked.is_empty() { a.button href=(path) { "Show all" } }
        }
    }
}

/// Whether the interface takes this parameter for something else than a field.
pub fn is_reserved(name: &str) -> bool {
    FILTERS.contains(&name) || matches!(name, "cursor" | "limit")
}

fn is_integer(field: &Field) -> bool {
    matches!(field.shape, Shape::Integer { .. })
}

fn filter(log: &BallotLog, field: &Field) -> Markup {
    let (name, value) = (field.name.as_str(), log.value(&field.name));
    let values = field.shape.values().iter().map(|v| (v.as_str(), v.as_str())).collect::<Vec<_>>();
    html! {
        @if !values.is_empty() {
            div { label for={ "q-" (name) } { (name) } (select(name, &values, value)) }
        } @else if is_integer(field) {
            div {
                label for={ "q-" (name) } { (name) }
                input.narrow id={ "q-" (name) } name=(name) value=(value) type="number" step="1";
            }
        } @else {
            (text(log, name, name))
        }
    }
}

fn text(log: &BallotLog, name: &str, label: &str) -> Markup {
    html! {
        div {
            label for={ "q-" (name) } { (label) }
            input.medium id={ "q-" (name) } name=(name) value=(log.value(name)) type="search" placeholder="the whole value" autocomplete="off";
        }
    }
}

fn select(name: &str, values: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        select id={ "q-" (name) } name=(name) {
            option value="" { "all" }
            @for (value, word) in values { option value=(value) selected[*value == chosen] { (word) } }
        }
    }
}

fn moment(log: &BallotLog, name: &str, label: &str) -> Markup {
    let at = log.value(name).parse::<Timestamp>().ok();
    let value = at.map(|at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string());
    html! {
        div {
            label for={ "q-" (name) } { (label) }
            input id={ "q-" (name) } name=(name) value=(value.unwrap_or_default()) type="datetime-local" step="1";
        }
    }
}

fn rows(log: &BallotLog, page: &LogPage) -> Markup {
    html! {
        @if page.ballots.is_empty() {
            div.note { p { "No ballots here" @if page.next.is_some() { "; older ones may follow" } "." } }
        } @else {
            (table(log, page))
        }
        nav.actions aria-label="Pages" {
            @if log.cursor.is_some() { a.button href=(log.address(None)) { "Newest ballots" } }
            @if let Some(next) = &page.next { a.button href=(log.address(Some(next))) rel="next" { "Older ballots" } }
        }
    }
}

fn table(log: &BallotLog, page: &LogPage) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Ballots" #ballots {
            table {
                caption { "Newest first" @if !log.definition.hidden.is_empty() { ". This contest hides a part of each ballot." } }
                thead {
                    tr {
                        th scope="col" { "Cast" }
                        @for field in log.visible() { th.number[is_integer(field)] scope="col" { (field.name) } }
                        @if log.shows_voters() { th scope="col" { "Voter" } }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Ballot" }
                    }
                }
                tbody { @for ballot in &page.ballots { (row(log, ballot)) } }
            }
        }
    }
}

fn row(log: &BallotLog, ballot: &Map<String, Value>) -> Markup {
    let text = |name: &str| ballot.get(name).and_then(Value::as_str).unwrap_or_default();
    let field = |name: &str| ballot.get("fields").and_then(|fields| fields.get(name)).map_or(String::new(), said);
    let cast = text("time").parse::<Timestamp>().ok();
    html! {
        tr {
            td { @if let Some(at) = cast { time datetime=(at) { (exact(at)) } } }
            @for shown in log.visible() {
                td.number[is_integer(shown)].message[!is_integer(shown)] { (field(&shown.name)) }
            }
            @if log.shows_voters() { td.message { (text("voter")) } }
            td { @if text("verdict") == "counted" { span.good { "counted" } } @else { span.busy { (text("verdict").replace('_', " ")) } } }
            td { code { (text("id")) } }
        }
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
