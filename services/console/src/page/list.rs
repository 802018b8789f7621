//! The list of tasks.

use domain::{Health, State, TaskName, TaskStatus};
use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    badge,
    frame::{Frame, Place},
    health_badge,
};
use crate::time::ago;

/// Seconds after which a reader without script gets the list anew.
const REFRESH: u32 = 10;

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// The tasks, newest first.
    pub tasks: Vec<TaskStatus>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Only tasks in this state.
    pub state: Option<State>,
    /// Where this page begins.
    pub cursor: Option<String>,
}

impl List {
    fn address(&self, path: &str, cursor: Option<&str>) -> String {
        let state = self.state.map(|s| format!("state={}", s.as_str()));
        let cursor = cursor.map(|c| format!("cursor={}", utf8_percent_encode(c, NON_ALPHANUMERIC)));
        let query = state.into_iter().chain(cursor).collect::<Vec<_>>().join("&");
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The page with the list.
pub fn list(list: &List, now: Timestamp, signed_in: bool) -> Markup {
    let changes = list.address("/changes", list.cursor.as_deref());
    let content = html! {
        h1 { "Tasks" }
        (filter(list))
        div #live data-changes=(changes) { (list_rows(list, now)) }
    };
    let frame = Frame { refresh: Some(REFRESH), ..Frame::new("Tasks", Place::Tasks, signed_in) };
    frame.around(&content)
}

fn filter(list: &List) -> Markup {
    html! {
        form.row method="get" action="/" role="search" aria-label="Tasks by state" {
            div {
                label for="state" { "State" }
                select #state name="state" {
                    option value="" { "all" }
                    @for state in State::OF_A_TASK {
                        option value=(state.as_str()) selected[list.state == Some(state)] { (state.as_str()) }
                    }
                }
            }
            button type="submit" { "Show" }
        }
    }
}

/// What changes of the list.
pub fn list_rows(list: &List, now: Timestamp) -> Markup {
    html! {
        @if list.tasks.is_empty() { (empty(list)) } @else { (table(list, now)) }
        nav.actions aria-label="Pages" {
            @if list.cursor.is_some() { a.button href=(list.address("/", None)) { "Newest tasks" } }
            @if let Some(next) = &list.next {
                a.button href=(list.address("/", Some(next))) rel="next" { "Older tasks" }
            }
        }
    }
}

fn empty(list: &List) -> Markup {
    html! {
        div.note {
            @match list.state {
                Some(state) => p { "No task is " (state.as_str()) ". " a href="/" { "Show all" } },
                None => {
                    p { "No tasks yet. " a href="/upload" { "Send files" } " here, or from a terminal:" }
                    pre { code { "marea apply -f DIR --wait" } }
                }
            }
        }
    }
}

fn table(list: &List, now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Tasks" #tasks {
            table {
                caption { "Newest first" }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th scope="col" { "State" }
                        th scope="col" { "Health" }
                        th scope="col" { "Objects" }
                        th scope="col" { "Revision" }
                        th scope="col" { "Sent" }
                    }
                }
                tbody { @for task in &list.tasks { (row(task, now)) } }
            }
        }
    }
}

fn row(task: &TaskStatus, now: Timestamp) -> Markup {
    let well = task.objects.iter().filter(|o| o.health == Health::Healthy).count();
    html! {
        tr {
            th scope="row" {
                a href={ "/tasks/" (task.id) } { (task.name) }
                // A generated name has it already.
                @if task.name != TaskName::generated(task.id) {
                    " " span.soft { "…" (task.id.suffix().chars().skip(8).collect::<String>()) }
                }
            }
            td { (badge(task.state)) }
            td { @if task.objects.is_empty() { span.soft { "–" } } @else { (health_badge(task.health)) } }
            td { (well) " of " (task.objects.len()) }
            td { (task.desired_revision) }
            td { (ago(task.created, now)) }
        }
    }
}
