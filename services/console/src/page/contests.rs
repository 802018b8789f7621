//! The list of contests.

use client::Contest;
use contests::Standings;
use maud::{Markup, html};

use super::{
    frame::{Frame, Place},
    number,
    standings::{leader, state_badge},
};

/// Seconds after which a reader without script gets the list anew.
const REFRESH: u32 = 10;

/// One contest of the list; without standings where they could not be read.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The contest.
    pub contest: Contest,
    /// Its standings.
    pub standings: Option<Standings>,
}

/// The page with the list.
pub fn contests(list: &[Listed], signed_in: bool) -> Markup {
    let content = html! {
        h1 { "Contests" }
        div #live data-changes="/changes/standings" { (contests_rows(list)) }
    };
    Frame { refresh: Some(REFRESH), ..Frame::new("Contests", Place::Contests, signed_in) }.around(&content)
}

/// What changes of the list.
pub fn contests_rows(list: &[Listed]) -> Markup {
    html! {
        @if list.is_empty() {
            div.note {
                p { "No contests yet. One is a file in ingest's folder of contests; a terminal makes one:" }
                pre { code { "marea contest init" } }
            }
        } @else {
            (table(list))
        }
    }
}

fn table(list: &[Listed]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Contests" #contests {
            table {
                thead {
                    tr {
                        th scope="col" { "Contest" }
                        th scope="col" { "Kind" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Counted" }
                        th scope="col" { "Leader" }
                    }
                }
                tbody { @for listed in list { (row(listed)) } }
            }
        }
    }
}

fn row(listed: &Listed) -> Markup {
    let Listed { contest, standings } = listed;
    html! {
        tr data-key=(contest.name) {
            th scope="row" { a href={ "/standings/" (contest.name) } { (contest.title) } " " span.soft { (contest.name) } }
            td { (contest.kind) }
            td { (state_badge(contest.state, standings.as_ref().is_some_and(|s| s.r#final))) }
            td.number { @match standings { Some(s) => (number(s.totals.counted)), None => span.soft { "?" } } }
            td.message { (standings.as_ref().and_then(leader).unwrap_or_else(|| "–".to_owned())) }
        }
    }
}
