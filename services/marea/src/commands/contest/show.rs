//! `contest list`, `show` and `audit`.

use client::Client;
use contests::{Audit, gate::State};
use serde_json::json;

use super::absent;
use crate::{
    Done,
    cli::Format,
    table::{Table, cell},
    ui::{Tone, Ui, tame},
};

/// The tone of a contest's state.
pub fn tone(state: State) -> Tone {
    match state {
        State::Open => Tone::Good,
        State::Upcoming => Tone::Busy,
        State::Closed | State::Withdrawn => Tone::Dim,
    }
}

/// The word of a contest's state.
pub fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Upcoming => "upcoming",
        State::Closed => "closed",
        State::Withdrawn => "withdrawn",
    }
}

pub async fn list(client: &Client, ui: &mut Ui) -> Done {
    let contests = client.contests().await?;
    if ui.value(&json!({ "contests": contests }))? {
        return Ok(());
    }
    if ui.format == Format::Name {
        return Ok(contests.iter().try_for_each(|contest| ui.line(&contest.name))?);
    }
    if contests.is_empty() {
        return Ok(ui.line("no contests")?);
    }
    let mut table = Table::new(&["NAME", "KIND", "STATE", "TITLE"]);
    for contest in &contests {
        let state = cell(tone(contest.state), word(contest.state));
        table.row(vec![(&contest.name).into(), contest.kind.as_str().into(), state, (&contest.title).into()]);
    }
    Ok(table.print(ui)?)
}

pub async fn show(client: &Client, name: &str, ui: &mut Ui) -> Done {
    let contest = client.contest(name).await.map_err(absent)?;
    if ui.format == Format::Name {
        return Ok(ui.line(&contest.name)?);
    }
    if ui.value(&contest)? {
        return Ok(());
    }
    let state = ui.paint(tone(contest.state), word(contest.state));
    ui.line(format_args!("{}: {} ({}, {state})", tame(&contest.name), tame(&contest.title), contest.kind))?;
    Ok(ui.raw(&manifests::to_yaml(&contest.more.into()))?)
}

pub async fn audit(client: &Client, name: &str, ui: &mut Ui) -> Done {
    let audit = client.audit(name).await.map_err(absent)?;
    if ui.value(&audit)? {
        return Ok(());
    }
    let settled = if audit.settled { ui.paint(Tone::Good, "settled") } else { ui.paint(Tone::Busy, "not settled") };
    ui.line(format_args!("{}: {settled}", tame(&audit.contest)))?;
    rows(&audit).into_iter().try_for_each(|(what, number)| ui.line(format_args!("  {what:<12} {number:>12}")))?;
    if audit.lost > 0 {
        ui.line(
            ui.paint(Tone::Bad, format_args!("  {} confirmed ballots are nowhere: a queue lost them", audit.lost)),
        )?;
    }
    Ok(())
}

fn rows(audit: &Audit) -> [(&'static str, String); 9] {
    let totals = &audit.totals;
    let most = audit.in_flight.at_most.map_or("more".to_owned(), |n| n.to_string());
    let in_flight = match audit.in_flight.at_most {
        Some(most) if most == audit.in_flight.at_least => most.to_string(),
        _ => format!("{} or {most}", audit.in_flight.at_least),
    };
    [
        ("accepted", audit.accepted.to_string()),
        ("received", audit.received.to_string()),
        ("counted", totals.counted.to_string()),
        ("duplicate", totals.duplicate.to_string()),
        ("conflicting", totals.conflicting.to_string()),
        ("over limit", totals.over_limit.to_string()),
        ("dead", totals.dead.to_string()),
        ("in flight", in_flight),
        ("abandoned", audit.abandoned.to_string()),
    ]
}
