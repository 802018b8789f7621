//! `dead-letter`: messages that were given up.

use client::{Client, DeadLetter};
use serde_json::json;

use crate::{
    Done,
    cli::{DeadLetterCommand, Format},
    failure::Failure,
    table::Table,
    ui::{Ui, tame},
};

/// How many are looked through for one: the most that the server lists at once.
const LOOK: usize = 1_000;

pub async fn run(client: &Client, command: DeadLetterCommand, ui: &mut Ui) -> Done {
    match command {
        DeadLetterCommand::List { limit } => list(&client.dead_letters(limit).await?, ui),
        DeadLetterCommand::Show { id } => show(client, &id, ui).await,
        DeadLetterCommand::Requeue { ids } => settle(client, &ids, Settled::Requeued, ui).await,
        DeadLetterCommand::Drop { ids } => settle(client, &ids, Settled::Dropped, ui).await,
    }
}

/// What becomes of letters.
#[derive(Clone, Copy)]
enum Settled {
    Requeued,
    Dropped,
}

/// One after the other, until one fails; what was done until then is told.
async fn settle(client: &Client, ids: &[String], how: Settled, ui: &mut Ui) -> Done {
    let word = match how {
        Settled::Requeued => "requeued",
        Settled::Dropped => "dropped",
    };
    let (mut done, mut failed) = (vec![], Ok(()));
    for id in ids {
        let answer = match how {
            Settled::Requeued => client.requeue_dead_letter(id).await,
            Settled::Dropped => client.drop_dead_letter(id).await,
        };
        if let Err(error) = answer {
            failed = Err(absent(error));
            break;
        }
        done.push(id);
        match ui.format {
            Format::Table | Format::Wide => ui.line(format_args!("{word} {id}"))?,
            Format::Name => ui.line(id)?,
            Format::Json | Format::Yaml => {}
        }
    }
    ui.value(&json!({ word: done }))?;
    failed
}

/// A letter that is not there may have been put back already.
fn absent(error: client::Error) -> Failure {
    Failure::of(error, "dead-letter list")
}

fn list(letters: &[DeadLetter], ui: &mut Ui) -> Done {
    if ui.value(&json!({ "dead_letters": letters }))? {
        return Ok(());
    }
    if ui.format == Format::Name {
        return Ok(letters.iter().try_for_each(|letter| ui.line(&letter.id))?);
    }
    if letters.is_empty() {
        return Ok(ui.line("no dead letters")?);
    }
    let mut table = Table::new(&["ID", "QUEUE", "TYPE", "TIME", "REASON"]);
    for letter in letters {
        let DeadLetter { id, kind, queue, reason, time, .. } = letter;
        table.row([id, queue, kind, time, reason].map(Into::into).into());
    }
    Ok(table.print(ui)?)
}

async fn show(client: &Client, id: &str, ui: &mut Ui) -> Done {
    let letters = client.dead_letters(LOOK).await?;
    let letter = letters.iter().find(|letter| letter.id == id);
    let letter = letter.ok_or_else(|| {
        Failure::failed(format!("there is no dead letter `{id}`")).hint("see them with `{marea} dead-letter list`")
    })?;
    if ui.value(letter)? {
        return Ok(());
    }
    for (what, value) in [
        ("id", &letter.id),
        ("queue", &letter.queue),
        ("type", &letter.kind),
        ("time", &letter.time),
        ("reason", &letter.reason),
    ] {
        ui.line(format_args!("{what:<7} {}", tame(value)))?;
    }
    Ok(ui.line(format_args!("\n{}", tame(&letter.body)))?)
}
