//! The form that casts a ballot, made of the contest's fields.

use std::collections::BTreeMap;

use client::Rejected;
use contests::{
    Definition, Kind,
    ballot::MAX_VOTER,
    definition::{Field, MAX_INTEGER, Shape, Voters},
    gate::State,
};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    contest::{Section, sections},
    count,
    frame::{Frame, Place},
};

/// What the form shows: what was typed, and why it was refused.
#[derive(Debug, Clone)]
pub struct VoteForm {
    /// The contest.
    pub definition: Definition,
    /// Whether it takes ballots.
    pub state: State,
    /// The id of the ballot that this form casts: sent twice, it counts once.
    pub id: String,
    /// What was typed, by field.
    pub typed: BTreeMap<String, String>,
    /// What is wrong with it.
    pub faults: Vec<Rejected>,
    /// Why it was not taken, whatever was typed.
    pub trouble: Option<String>,
    /// The ballot that was cast just now.
    pub cast: Option<String>,
}

impl VoteForm {
    fn faults_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Rejected> {
        self.faults.iter().filter(move |fault| fault.field == name)
    }

    fn has(&self, name: &str) -> bool {
        self.definition.position(name).is_some() || (name == "voter" && self.asks_for_voter())
    }

    fn asks_for_voter(&self) -> bool {
        self.definition.voters != Voters::default()
    }
}

/// The page with the form.
pub fn vote(form: &VoteForm, signed_in: bool) -> Markup {
    let title = match form.definition.kind {
        Kind::Votes => format!("Vote: {}", form.definition.title),
        Kind::Scores => format!("Send a score: {}", form.definition.title),
    };
    let content = html! {
        h1 { (title) }
        (sections(&form.definition.name, Section::Vote))
        @if let Some(id) = &form.cast { (thanks(form, id)) }
        (refusals(form))
        @match form.state {
            State::Open => (fields(form)),
            State::Upcoming => div.note { p { "This contest is not open yet." } },
            State::Closed => div.note { p { "This contest is closed." } },
            State::Withdrawn => div.note { p { "This contest takes no ballots any more: its file is gone." } },
        }
    };
    Frame::new(&title, Place::Contests, signed_in).around(&content)
}

fn thanks(form: &VoteForm, id: &str) -> Markup {
    let contest = &form.definition.name;
    html! {
        div.note role="status" {
            p { strong.good { "Accepted." } " Ballot " code { (id) } " will be counted, once." }
            p {
                a href={ "/standings/" (contest) } { "Standings" } " · "
                a href={ "/standings/" (contest) "/ballots?id=" (utf8_percent_encode(id, NON_ALPHANUMERIC)) } { "This ballot in the log" }
            }
            p.hint { "A form that is sent again counts once, even where something in it was changed; the one below is a new ballot." }
        }
    }
}

/// What is wrong, to somebody who sees the form.
fn wrong(fault: &Rejected) -> &str {
    if fault.code == "missing" { "this is needed" } else { &fault.message }
}

fn refusals(form: &VoteForm) -> Markup {
    html! {
        @if let Some(trouble) = &form.trouble { p.bad role="alert" { (trouble) } }
        @if !form.faults.is_empty() {
            section role="alert" aria-labelledby="refused" {
                h2 #refused { "Not sent: " (count(form.faults.len(), "problem")) }
                ul.problems {
                    @for fault in &form.faults {
                        li.error {
                            @if form.has(&fault.field) { a href={ "#f-" (fault.field) } { (fault.field) } ": " }
                            @else if !fault.field.is_empty() { (fault.field) ": " }
                            (wrong(fault))
                        }
                    }
                }
            }
        }
    }
}

fn fields(form: &VoteForm) -> Markup {
    html! {
        form.stack method="post" action={ "/standings/" (form.definition.name) "/vote" } {
            input type="hidden" name="id" value=(form.id);
            @for field in &form.definition.fields { (labelled(form, field)) }
            @if form.asks_for_voter() { (voter(form)) }
            div { button.primary type="submit" { @match form.definition.kind { Kind::Votes => "Vote", Kind::Scores => "Send" } } }
        }
    }
}

fn labelled(form: &VoteForm, field: &Field) -> Markup {
    let hint = hint(form, field);
    let input = input(form, field, !hint.is_empty());
    around(form, &field.name, &hint, &input)
}

fn around(form: &VoteForm, name: &str, hint: &str, input: &Markup) -> Markup {
    html! {
        div {
            label for={ "f-" (name) } { (name) }
            @if !hint.is_empty() { p.hint id={ "h-" (name) } { (hint) } }
            (input)
            @if form.faults_of(name).next().is_some() {
                p.bad id={ "e-" (name) } { @for fault in form.faults_of(name) { (wrong(fault)) " " } }
            }
        }
    }
}

fn hint(form: &VoteForm, field: &Field) -> String {
    let mut parts = Vec::new();
    if let Shape::Integer { min, max } = field.shape {
        match bounds(min, max) {
            (Some(min), Some(max)) => parts.push(format!("A whole number from {min} to {max}.")),
            (Some(min), None) => parts.push(format!("A whole number, {min} or more.")),
            (None, Some(max)) => parts.push(format!("A whole number, {max} or less.")),
            (None, None) => parts.push("A whole number.".to_owned()),
        }
    }
    if field.draw {
        parts.push("Left open, it is drawn by lot.".to_owned());
    } else if field.optional {
        parts.push("Optional.".to_owned());
    }
    if form.definition.is_hidden(&field.name) {
        parts.push("The public log does not show it.".to_owned());
    }
    parts.join(" ")
}

/// The bounds that a definition names; the widest are none.
fn bounds(min: i64, max: i64) -> (Option<i64>, Option<i64>) {
    (Some(min).filter(|min| *min > -MAX_INTEGER), Some(max).filter(|max| *max < MAX_INTEGER))
}

/// What describes an input: its hint and its errors.
fn described(form: &VoteForm, name: &str, hinted: bool) -> Option<String> {
    let wrong = form.faults_of(name).next().is_some();
    let parts = [hinted.then(|| format!("h-{name}")), wrong.then(|| format!("e-{name}"))];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn input(form: &VoteForm, field: &Field, hinted: bool) -> Markup {
    let name = field.name.as_str();
    let (id, typed) = (format!("f-{name}"), form.typed.get(name).map_or("", String::as_str));
    let required = !field.optional && !field.draw;
    let invalid = form.faults_of(name).next().map(|_| "true");
    let described = described(form, name, hinted);
    match &field.shape {
        Shape::Text { values, .. } if !values.is_empty() => html! {
            select id=(id) name=(name) required[required] aria-invalid=[invalid] aria-describedby=[described] {
                option value="" { @if field.draw { "by lot" } @else if field.optional { "none" } @else { "choose …" } }
                @for value in values { option value=(value) selected[value == typed] { (value) } }
            }
        },
        Shape::Text { max_length, .. } => html! {
            input id=(id) type="text" name=(name) value=(typed) maxlength=(max_length) autocomplete="off"
                required[required] aria-invalid=[invalid] aria-describedby=[described];
        },
        Shape::Integer { min, max } => {
            let (min, max) = bounds(*min, *max);
            html! {
                input.medium id=(id) type="number" name=(name) value=(typed) min=[min] max=[max] step="1"
                    autocomplete="off" required[required] aria-invalid=[invalid] aria-describedby=[described];
            }
        }
    }
}

fn voter(form: &VoteForm) -> Markup {
    let voters = &form.definition.voters;
    let mut hint = match voters.max_ballots {
        Some(most) => format!("Of each voter {} at most.", count(most as usize, "ballot")),
        None => String::new(),
    };
    if form.definition.is_hidden("voter") {
        hint.push_str(" The public log does not show it.");
    }
    let hint = hint.trim();
    let typed = form.typed.get("voter").map_or("", String::as_str);
    let invalid = form.faults_of("voter").next().map(|_| "true");
    let input = html! {
        input #f-voter type="text" name="voter" value=(typed) maxlength=(MAX_VOTER) autocomplete="off"
            required[voters.required] aria-invalid=[invalid] aria-describedby=[described(form, "voter", !hint.is_empty())];
    };
    around(form, "voter", hint, &input)
}
