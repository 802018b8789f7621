//! The standings of the sample contests, a line each: refreshed in place on a terminal, else written now and then.

use std::{
    collections::VecDeque,
    io::{self, IsTerminal as _},
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use bootstrap::telemetry;
use client::Client;
use contests::{Standings, standings::Row};
use terminal_size::{Width, terminal_size_of};

use crate::{
    Done,
    ui::{Ui, tame},
};

#[cfg(test)]
mod tests;

/// Between two refreshes on a terminal.
const REFRESH: Duration = Duration::from_secs(1);
/// Between two lines elsewhere: they stay.
const SAY: Duration = Duration::from_secs(10);
/// What a rate is the mean of.
const RATE_OVER: Duration = Duration::from_secs(5);
/// Columns that the sums take.
const SUMS: usize = 24;
/// Where the sums stand: as near to the terminal's edge as that lets rows be there, but not far from them.
const SUMS_AT: RangeInclusive<usize> = 76..=110;
/// Between two rows.
const GAP: usize = 3;
/// Columns where there is no terminal.
const COLUMNS: usize = 120;

/// One contest's line.
pub struct Board {
    contest: &'static str,
    tally: &'static str,
    /// How a row is shown.
    row: fn(&Row) -> String,
    counted: VecDeque<(Instant, u64)>,
}

impl Board {
    fn new(contest: &'static str, tally: &'static str, row: fn(&Row) -> String) -> Self {
        Self { contest, tally, row, counted: VecDeque::new() }
    }

    async fn look(&mut self, client: &Client, columns: usize) -> Option<String> {
        // What does not answer now is asked again; `/readyz` says why.
        let standings = client.standings(self.contest, &[("tally", self.tally), ("top", "3")]).await.ok()?;
        Some(self.line(&standings, Instant::now(), columns))
    }

    /// As many rows as fit, and the sums.
    fn line(&mut self, standings: &Standings, now: Instant, columns: usize) -> String {
        let counted = standings.totals.counted;
        self.counted.push_back((now, counted));
        let sums = format!("{counted} {}, {}/s", standings.kind, self.rate(now));
        let sums_at = columns.saturating_sub(SUMS).clamp(*SUMS_AT.start(), *SUMS_AT.end());
        let sums_at = sums_at.min(columns.saturating_sub(sums.len() + 1));
        let rows = standings.tallies.get(self.tally).map(|ranking| ranking.rows.as_slice()).unwrap_or_default();
        let mut text = format!("{:<9} ", self.contest);
        for row in rows {
            let row = tame(&(self.row)(row));
            if text.chars().count() + row.chars().count() + GAP > sums_at {
                break;
            }
            text = text + &row + &" ".repeat(GAP);
        }
        let room = sums_at.saturating_sub(text.chars().count());
        format!("{text}{:room$}{sums}", "")
    }

    fn rate(&mut self, now: Instant) -> u64 {
        while self.counted.len() > 2 && self.counted.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= RATE_OVER)
        {
            self.counted.pop_front();
        }
        let (Some((then, before)), Some((_, counted))) = (self.counted.front(), self.counted.back()) else { return 0 };
        let (more, millis) = (counted.saturating_sub(*before), now.duration_since(*then).as_millis().max(1));
        u64::try_from((u128::from(more) * 1_000 + millis / 2) / millis).unwrap_or(u64::MAX)
    }
}

fn boards() -> [Board; 2] {
    let ranked = |row: &Row| format!("{} {} {}", row.rank, row.key.join(", "), row.value);
    let medals = |row: &Row| format!("{} {} medals", row.key.join(", "), row.value);
    [Board::new("bands", "bands", ranked), Board::new("olympics", "faculties", medals)]
}

/// Shows them above `below`, until it is dropped.
pub async fn show(client: &Client, below: &[String], ui: &mut Ui) -> Done {
    let terminal = io::stdout().is_terminal();
    let mut boards = boards();
    // Rates need a time before.
    look(&mut boards, client).await;
    tokio::time::sleep(REFRESH).await;
    let mut shown = look(&mut boards, client).await;
    shown.iter().chain(below).try_for_each(|line| ui.line(line))?;
    let mut logged = logged_here();
    loop {
        tokio::time::sleep(if terminal { REFRESH } else { SAY }).await;
        let lines = look(&mut boards, client).await;
        if lines == shown {
            continue;
        }
        if !terminal {
            lines.iter().try_for_each(|line| ui.line(line))?;
            shown = lines;
        } else if lines.len() == shown.len() {
            // A line less would leave the others one row off. What was logged meanwhile stands below them, and stays.
            let was = std::mem::replace(&mut logged, logged_here());
            match logged == was {
                true => ui.raw(&redraw(&lines, below, columns()))?,
                false => lines.iter().chain(below).try_for_each(|line| ui.line(line))?,
            }
        }
    }
}

/// Lines that were logged on the terminal.
fn logged_here() -> u64 {
    if io::stderr().is_terminal() { telemetry::lines() } else { 0 }
}

async fn look(boards: &mut [Board], client: &Client) -> Vec<String> {
    let (columns, mut lines) = (columns(), Vec::new());
    for board in boards {
        lines.extend(board.look(client, columns).await);
    }
    lines
}

/// Of the terminal; elsewhere enough for everything.
fn columns() -> usize {
    terminal_size_of(io::stdout()).map_or(COLUMNS, |(Width(columns), _)| usize::from(columns)).max(2)
}

/// What fits into one row.
fn cut(line: &str, columns: usize) -> String {
    line.chars().take(columns - 1).collect()
}

/// Goes up to the standings, a row each, writes them anew, and goes back down below what follows them.
fn redraw(lines: &[String], below: &[String], columns: usize) -> String {
    let down: usize = below.iter().map(|text| text.chars().count().max(1).div_ceil(columns)).sum();
    let up = down + lines.len();
    let lines: String = lines.iter().map(|line| format!("{}\x1b[K\n", cut(line, columns))).collect();
    format!("\x1b[{up}A\r{lines}\x1b[{down}B\r")
}
