//! Standings in words, bars and tables.

use contests::{
    Standings,
    gate::State,
    standings::{Ranking, Row},
};
use maud::{Markup, html};

use super::number;

/// Bars of the chart.
const BARS: usize = 10;

/// A contest's state: a word in any case, a colour beside it.
pub(super) fn state_badge(state: State, is_final: bool) -> Markup {
    let (tone, word) = match (is_final, state) {
        (true, _) => ("good", "final"),
        (false, State::Open) => ("good", "open"),
        (false, State::Upcoming) => ("soft", "upcoming"),
        (false, State::Closed) => ("soft", "closed"),
        (false, State::Withdrawn) => ("soft", "withdrawn"),
    };
    html! { span class={ "badge " (tone) } { (word) } }
}

/// What a row is of.
pub(super) fn label(row: &Row) -> String {
    let words = row.key.iter().map(|word| if word.is_empty() { "none" } else { word });
    words.collect::<Vec<_>>().join(" · ")
}

/// Who is first on the board; none before the first ballot.
pub(super) fn leader(standings: &Standings) -> Option<String> {
    let rows = &standings.tallies.get(&standings.board)?.rows;
    let first = rows.iter().filter(|row| row.rank == 1).collect::<Vec<_>>();
    let (one, others) = first.split_first()?;
    Some(if others.is_empty() { label(one) } else { format!("{} (tied)", label(one)) })
}

/// What a tally counts.
pub(super) fn meaning(ranking: &Ranking) -> String {
    let by = ranking.by.join(", ");
    match &ranking.sum {
        Some(field) => format!("Sum of {field} by {by}"),
        None => format!("Ballots by {by}"),
    }
}

/// What is in no row: of keys that came after the tally had all it may have.
fn others(ranking: &Ranking) -> Markup {
    html! { @if let Some(others) = ranking.others { "; and " (number(others)) " under other keys" } }
}

/// The chart: a list whose text says it all, and a bar a row.
pub(super) fn bars(ranking: &Ranking) -> Markup {
    let longest = ranking.rows.iter().map(|row| row.value.unsigned_abs()).max().unwrap_or_default().max(1);
    html! {
        figure.chart {
            ol.bars role="list" {
                @for row in ranking.rows.iter().take(BARS) { (bar(row, longest)) }
            }
            figcaption.hint { (meaning(ranking)) @if ranking.size > BARS { ": the first " (BARS) " of " (number(ranking.size as u64)) } (others(ranking)) }
        }
    }
}

fn bar(row: &Row, longest: u64) -> Markup {
    let name = label(row);
    html! {
        li data-key=(name) {
            span.rank { (row.rank) "." } " "
            span.name { (name) } " "
            svg class=[(row.rank == 1).then_some("first")] aria-hidden="true" focusable="false" {
                rect width=(share(row.value.unsigned_abs(), longest)) height="100%" rx="3" {}
            }
            " " span.value { (number(row.value)) }
        }
    }
}

/// A part of the longest bar's length, in per cent with two places.
fn share(part: u64, whole: u64) -> String {
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", share / 100, share % 100)
}

/// A tally as a table. `id` names its heading.
pub(super) fn table(ranking: &Ranking, id: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby=(id) #{ "table-" (id) } {
            table {
                caption {
                    (meaning(ranking))
                    @if ranking.rows.len() < ranking.size {
                        ": the first " (number(ranking.rows.len() as u64)) " of " (number(ranking.size as u64))
                    }
                    (others(ranking))
                }
                thead {
                    tr {
                        th.number scope="col" { "Rank" }
                        @for field in &ranking.by { th scope="col" { (field) } }
                        th.number scope="col" { @if ranking.sum.is_some() { "Sum" } @else { "Ballots" } }
                    }
                }
                tbody { @for row in &ranking.rows { (table_row(row)) } }
            }
        }
    }
}

fn table_row(row: &Row) -> Markup {
    html! {
        tr data-key=(label(row)) {
            td.number { (row.rank) }
            @for (position, word) in row.key.iter().enumerate() {
                @if position == 0 { th.message scope="row" { (word) } } @else { td.message { (word) } }
            }
            td.number { (number(row.value)) }
        }
    }
}

#[cfg(test)]
mod tests;
