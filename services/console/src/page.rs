//! The pages, as pure functions of what they show. maud escapes all text.

mod audit;
mod ballots;
mod confirm;
mod contest;
mod contests;
mod frame;
mod list;
mod manifests;
mod running;
mod standings;
mod task;
#[cfg(test)]
mod tests;
mod upload;
mod vote;

pub use audit::{audit, audit_live};
pub use ballots::{BallotLog, FILTERS, ballots, is_reserved};
pub use confirm::{confirm_delete, confirm_revert};
pub use contest::{contest, contest_live, contest_said, tally};
pub use contests::{Listed, contests, contests_rows};
use domain::{Health, Problem, State};
pub use frame::{failure, login};
pub use list::{List, list, list_rows};
pub use manifests::manifests;
use maud::{Markup, html};
pub use task::{task, task_live};
pub use upload::{Form, upload};
pub use vote::{VoteForm, vote};

/// A state's badge: a word in any case, a colour beside it.
fn badge(state: State) -> Markup {
    let tone = match state {
        State::Done | State::RolledBack => "good",
        State::Pending | State::ApplyingInCluster | State::RollingBack => "busy",
        State::Rejected | State::Failed | State::RollbackBlocked => "bad",
        State::Superseded => "soft",
    };
    html! { span class={ "badge " (tone) } { (state.as_str()) } }
}

/// Health in a word.
pub fn health_word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Progressing => "progressing",
        Health::Degraded => "degraded",
    }
}

fn health_badge(health: Health) -> Markup {
    let tone = match health {
        Health::Healthy => "good",
        Health::Progressing => "busy",
        Health::Degraded => "bad",
    };
    html! { span class=(tone) { (health_word(health)) } }
}

/// Problems, errors first told as such, each with its place.
fn problems(problems: &[Problem]) -> Markup {
    html! {
        ul.problems {
            @for problem in problems {
                li.error[problem.is_error()] {
                    strong { (if problem.is_error() { "Error" } else { "Warning" }) } " "
                    @if !problem.file.is_empty() {
                        code { (problem.file) @if problem.line > 0 { ":" (problem.line) ":" (problem.column) } } " "
                    }
                    @if !problem.object.is_empty() { (problem.object) " " }
                    @if !problem.field.is_empty() { code { (problem.field) } " " }
                    div { (problem.message) " " span.soft { "[" (problem.code) "]" } }
                }
            }
        }
    }
}

/// A count and its word.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A number as people read it: 1,234,567.
fn number(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = if n < 0 { "−".to_owned() } else { String::new() };
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
