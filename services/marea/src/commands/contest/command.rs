//! `contest open`, `close`, `verify` and `rebuild`.

use client::Client;
use serde_json::{Map, Value};

use super::absent;
use crate::{
    Done,
    cli::When,
    failure::Failure,
    ui::{Ui, tame},
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
    tell(&answer, ui)?;
    let is = |key: &str, value: bool| answer.get(key) == Some(&Value::Bool(value));
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

pub async fn rebuild(client: &Client, contest: &str, ui: &mut Ui) -> Done {
    let answer = client.rebuild(contest).await.map_err(absent)?;
    tell(&answer, ui)
}

fn tell(answer: &Map<String, Value>, ui: &mut Ui) -> Done {
    if ui.value(answer)? {
        return Ok(());
    }
    for (key, value) in answer {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        ui.line(format_args!("{key:<14} {}", tame(&shown)))?;
    }
    Ok(())
}
