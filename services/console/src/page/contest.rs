//! One contest: its standings as a chart and as tables, its totals.

use contests::{Standings, gate::State};
use maud::{Markup, html};

use super::{
    frame::{Frame, Place},
    number,
    standings::{bars, leader, meaning, state_badge, table},
};

/// Seconds after which a reader without script gets standings that may change anew.
const REFRESH: u32 = 5;

/// Which of a contest's pages is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Standings,
    Log,
    Audit,
    Vote,
    Tally,
}

/// The way to a contest's pages.
pub(super) fn sections(contest: &str, shown: Section) -> Markup {
    let all = [
        (Section::Standings, "", "Standings"),
        (Section::Log, "/ballots", "Log"),
        (Section::Audit, "/audit", "Audit"),
        (Section::Vote, "/vote", "Vote"),
    ];
    html! {
        nav.actions aria-label="This contest" {
            @for (section, path, word) in all {
                a.button href={ "/standings/" (contest) (path) } aria-current=[(section == shown).then_some("page")] { (word) }
            }
        }
    }
}

/// The page of one contest. `mark`: what tells these standings from others.
pub fn contest(standings: &Standings, mark: &str, signed_in: bool) -> Markup {
    let path = |what| format!("/standings/{}/{what}?after=", standings.contest);
    let content = html! {
        h1 { (standings.title) }
        (sections(&standings.contest, Section::Standings))
        div #live data-changes=(path("changes")) data-events=(path("events")) data-version=(mark) {
            (contest_live(standings))
        }
    };
    let refresh = (!standings.r#final).then_some(REFRESH);
    Frame { refresh, ..Frame::new(&standings.title, Place::Contests, signed_in) }.around(&content)
}

/// What is announced of a contest: not every ballot, but who leads and how it stands.
pub fn contest_said(standings: &Standings) -> String {
    let state = match (standings.r#final, standings.state) {
        (true, _) => "; final",
        (false, State::Open) => "",
        (false, State::Upcoming) => "; not open yet",
        (false, State::Closed) => "; closed",
        (false, State::Withdrawn) => "; withdrawn",
    };
    match leader(standings) {
        Some(leader) => format!("{leader} leads {}{state}", standings.title),
        None => format!("{}: nothing counted yet{state}", standings.title),
    }
}

/// What changes of a contest's page.
pub fn contest_live(standings: &Standings) -> Markup {
    let others = standings.tallies.keys().filter(|name| **name != standings.board);
    html! {
        (totals(standings))
        h2 #board { "Standings" }
        @match standings.tallies.get(&standings.board) {
            Some(board) if !board.rows.is_empty() => (bars(board)),
            _ => p.soft { "Nothing is counted yet." }
        }
        @for name in std::iter::once(&standings.board).chain(others) { (one_tally(standings, name)) }
    }
}

fn totals(standings: &Standings) -> Markup {
    let totals = &standings.totals;
    let under_way = if standings.settled { "none: all accepted ballots are in" } else { "some ballots" };
    html! {
        dl.facts {
            div { dt { "State" } dd { (state_badge(standings.state, standings.r#final)) } }
            div { dt { "Counted" } dd #counted { (number(totals.counted)) } }
            div {
                dt { "Duplicates" }
                dd { (number(totals.duplicate)) @if totals.conflicting > 0 { " (" (number(totals.conflicting)) " conflicting)" } }
            }
            div { dt { "Over limit" } dd { (number(totals.over_limit)) } }
            div { dt { "Dead letters" } dd { (number(totals.dead)) } }
            div { dt { "Under way" } dd { (under_way) } }
        }
    }
}

fn one_tally(standings: &Standings, name: &str) -> Markup {
    let id = format!("tally-{name}");
    html! {
        @if let Some(ranking) = standings.tallies.get(name).filter(|r| !r.rows.is_empty()) {
            h2 #(id) { (name) }
            (table(ranking, &id))
            @if ranking.rows.len() < ranking.size {
                p { a href={ "/standings/" (standings.contest) "/tallies/" (name) } { "All " (number(ranking.size as u64)) " of " (name) } }
            }
        }
    }
}

/// The page of one whole tally.
pub fn tally(standings: &Standings, name: &str, signed_in: bool) -> Markup {
    let content = html! {
        h1 { span #whole { (standings.title) ": " (name) } }
        (sections(&standings.contest, Section::Tally))
        @match standings.tallies.get(name) {
            Some(ranking) if !ranking.rows.is_empty() => {
                (table(ranking, "whole"))
                @if ranking.rows.len() < ranking.size {
                    p.hint { "A page ends here; all: " code { "marea contest standings " (standings.contest) } }
                }
            }
            Some(ranking) => p.soft { (meaning(ranking)) ": nothing is counted yet." },
            None => p.soft { "Nothing is counted yet." },
        }
    };
    Frame::new(&format!("{name} of {}", standings.title), Place::Contests, signed_in).around(&content)
}
