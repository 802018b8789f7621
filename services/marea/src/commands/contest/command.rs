//! `contest open`, `close`, `verify` and `rebuild`.

use client::Client;
use serde_json::{Map, Value};

use super::absent;
use crate::{
    Done,
    cli::When,
    failure::Failure,
    table::Table,
    ui::{Tone, Ui, tame},
};

pub async fn gate(client: &Client, when: &When, open: bool, ui: &mut Ui) -> Done {
    client.set_gate(&when.contest, open, when.at).await.map_err(absent)?;
    let word = if open { "open" } else { "closed" };
    match when.at {
        Some(at) => ui.line(format_args!("{} is {word} from {at} on", when.contest))?,
        None => ui.line(format_args!("{} is {word}", when.contest))?,
    }
    Ok(())
}

pub async fn verify(client: &Client, contest: &str, ui: &mut Ui) -> Done {
    let answer = client.verify(contest).await.map_err(absent)?;
    let is = |key: &str, value: bool| answer.get(key) == Some(&Value::Bool(value));
    if !ui.value(&answer)? {
        compared(contest, &answer, is("agrees", true), ui)?;
    }
    if is("agrees", false) && is("moving", true) {
        return Err(Failure::failed("ballots came while it was compared, so that some were on their way")
            .hint("compare again when fewer come, or when the contest is closed"));
    }
    if is("agrees", false) {
        return Err(Failure::failed("ledger, log and counters do not agree")
            .hint(format_args!("count anew: {{marea}} contest rebuild {contest}")));
    }
    Ok(())
}

/// What ledger and counters say, side by side, and the counters that differ.
fn compared(contest: &str, answer: &Map<String, Value>, agrees: bool, ui: &mut Ui) -> Done {
    let word = if agrees { ui.paint(Tone::Good, "agree") } else { ui.paint(Tone::Bad, "do not agree") };
    ui.line(format_args!("{contest}: ledger, log and counters {word}"))?;
    let of = |part: &str, key: &str| answer.get(part).and_then(|part| part.get(key)).map_or("-".to_owned(), shown);
    let mut table = Table::new(&["TOTAL", "LEDGER", "COUNTERS"]);
    let totals = answer.get("ledger").and_then(Value::as_object);
    for key in totals.into_iter().flat_map(Map::keys) {
        table.row(vec![key.replace('_', " ").into(), of("ledger", key).into(), of("counters", key).into()]);
    }
    let differences = answer.get("differences").and_then(Value::as_array);
    for one in differences.into_iter().flatten() {
        let words = one.get("counter").and_then(Value::as_array);
        let words = words.into_iter().flatten().map(shown).collect::<Vec<_>>().join(" ");
        let of = |key: &str| one.get(key).map_or("-".to_owned(), shown);
        table.row(vec![words.into(), of("ledger").into(), of("counters").into()]);
    }
    table.print(ui)?;
    let of = |key: &str| answer.get(key).map_or("-".to_owned(), shown);
    Ok(ui.line(format_args!("log: {} counted, {} over limit", of("logged"), of("logged_over_limit")))?)
}

/// A text bare, all else as JSON.
fn shown(value: &Value) -> String {
    tame(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

pub async fn rebuild(client: &Client, contest: &str, ui: &mut Ui) -> Done {
    let answer = client.rebuild(contest).await.map_err(absent)?;
    tell(&answer, ui)
}

fn tell(answer: &Map<String, Value>, ui: &mut Ui) -> Done {
    if ui.value(answer)? {
        return Ok(());
    }
    for (key, value) in answer {
        ui.line(format_args!("{key:<14} {}", shown(value)))?;
    }
    Ok(())
}
