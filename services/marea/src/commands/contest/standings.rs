//! `contest standings`: once, or as they change.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use client::Client;
use contests::standings::{Ranking, Standings};

use super::{
    absent,
    show::{tone, word},
};
use crate::{
    Done,
    cli::{self, Format},
    failure::Failure,
    table::{Table, cell},
    ui::{Tone, Ui, tame},
};

/// Characters of the longest bar.
const BAR: u64 = 30;
/// Before the stream is opened again after its end.
const PAUSE: Duration = Duration::from_secs(1);
/// Cursor home, and clear what is below.
const HOME: &str = "\x1b[H\x1b[J";

pub async fn run(client: &Client, options: &cli::Standings, ui: &mut Ui) -> Done {
    let top = options.top.to_string();
    let mut query = vec![("top", top.as_str())];
    query.extend(options.tally.as_deref().map(|tally| ("tally", tally)));
    if !options.watch {
        let standings = client.standings(&options.contest, &query).await.map_err(|e| absent_tally(e, options))?;
        return show(&standings, options.tally.as_deref(), ui);
    }
    loop {
        watch(client, options, &query, ui).await?;
        // A server that restarts ends the stream; an absent one is said by the next try.
        tokio::time::sleep(PAUSE).await;
    }
}

/// A failed call about a contest's standings: where a tally was named, it may be the one that is not there.
fn absent_tally(error: client::Error, options: &cli::Standings) -> Failure {
    match options.tally {
        Some(_) if error.status() == Some(404) => {
            let hint = format!("see its tallies with `{{marea}} contest show {}`", options.contest);
            Failure::from(error).hint(hint)
        }
        _ => absent(error),
    }
}

/// Shows each event until the stream ends.
async fn watch(client: &Client, options: &cli::Standings, query: &[(&str, &str)], ui: &mut Ui) -> Done {
    let client = client.clone().patient(crate::commands::PATIENCE);
    let mut lines = client.standings_stream(&options.contest, query).await.map_err(|e| absent_tally(e, options))?;
    let screen = io::stdout().is_terminal() && matches!(ui.format, Format::Table | Format::Wide);
    while let Ok(Some(line)) = lines.next().await {
        let Some(data) = line.strip_prefix("data:") else { continue };
        // An event of another kind is not about standings.
        let Ok(standings) = serde_json::from_str::<Standings>(data.trim_start()) else { continue };
        if screen {
            ui.raw(HOME)?;
        }
        show(&standings, options.tally.as_deref(), ui)?;
    }
    Ok(())
}

fn show(standings: &Standings, tally: Option<&str>, ui: &mut Ui) -> Done {
    if ui.value(standings)? {
        return Ok(());
    }
    let tally = tally.unwrap_or(&standings.board);
    let ranking = standings.tallies.get(tally).ok_or_else(|| {
        let known = standings.tallies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Failure::failed(format!("there is no tally `{tally}`; there are {known}"))
    })?;
    if ui.format == Format::Name {
        return Ok(ranking.rows.iter().try_for_each(|row| ui.line(tame(&row.key.join(" "))))?);
    }
    heading(standings, tally, ui)?;
    rows(ranking, ui)
}

fn heading(standings: &Standings, tally: &str, ui: &mut Ui) -> Done {
    let totals = &standings.totals;
    let state = match standings.r#final {
        true => ui.paint(Tone::Good, "final"),
        false => ui.paint(tone(standings.state), word(standings.state)),
    };
    let aside: Vec<String> =
        [(totals.duplicate, "duplicate"), (totals.over_limit, "over limit"), (totals.dead, "dead")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what}"))
            .collect();
    let (name, title, kind) = (tame(&standings.contest), tame(&standings.title), standings.kind);
    Ok(ui.line(format_args!("{name}: {title} ({state})  {tally}  {} {kind}{}", totals.counted, aside.concat()))?)
}

fn rows(ranking: &Ranking, ui: &mut Ui) -> Done {
    let mut titles = vec!["RANK".to_owned()];
    titles.extend(ranking.by.iter().map(|field| field.to_uppercase()));
    titles.push(ranking.sum.as_ref().map_or("COUNT".to_owned(), |sum| format!("SUM OF {}", sum.to_uppercase())));
    titles.push(String::new());
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    let most = ranking.rows.iter().map(|r| r.value).max().unwrap_or_default();
    for row in &ranking.rows {
        let mut cells = vec![row.rank.to_string().into()];
        cells.extend(row.key.iter().map(Into::into));
        cells.extend([row.value.to_string().into(), cell(Tone::Good, bar(row.value, most))]);
        table.row(cells);
    }
    table.print(ui)?;
    let hidden = ranking.size.saturating_sub(ranking.rows.len());
    if hidden > 0 {
        ui.line(ui.paint(Tone::Dim, format_args!("and {hidden} more (--top N)")))?;
    }
    if let Some(others) = ranking.others {
        ui.line(ui.paint(Tone::Dim, format_args!("and {others} under keys that came after `max_keys` others")))?;
    }
    Ok(())
}

fn bar(value: i64, most: i64) -> String {
    let (value, most) = (value.max(0).unsigned_abs(), most.max(1).unsigned_abs());
    let length = u128::from(value) * u128::from(BAR) / u128::from(most);
    "█".repeat(usize::try_from(length).unwrap_or_default())
}
