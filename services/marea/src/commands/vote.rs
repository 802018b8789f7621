//! `vote` and `score`: one ballot.

use client::{Client, Contest, Error, Rejected};
use contests::Kind;
use serde_json::{Map, Value, json};

use super::{PATIENCE, contest::absent};
use crate::{
    Done,
    cli::{Ballot, Format, pair},
    failure::Failure,
    ui::Ui,
};

pub async fn run(client: &Client, kind: Kind, options: &Ballot, ui: &mut Ui) -> Done {
    let (contest, words) = match options.words.split_first() {
        Some((first, rest)) if !first.contains('=') => (first.as_str(), rest),
        _ => (sample(kind), options.words.as_slice()),
    };
    let pairs: Vec<_> = words.iter().map(|word| pair(word)).collect::<Result<_, _>>().map_err(Failure::usage)?;
    if let Some((at, (field, _))) = pairs.iter().enumerate().find(|(at, one)| pairs[..*at].iter().any(|p| p.0 == one.0))
    {
        let first = &pairs.iter().find(|pair| pair.0 == *field).expect("it is there twice").1;
        return Err(Failure::usage(format!("`{field}` is given twice: {first} and {}", pairs[at].1)));
    }
    let known = known(client, contest).await.map_err(absent)?;
    if let Some(known) = known.as_ref().filter(|known| known.kind != kind) {
        let command = if known.kind == Kind::Votes { "vote" } else { "score" };
        return Err(Failure::usage(format!("`{contest}` takes {}", known.kind))
            .hint(format_args!("{{marea}} {command} {contest} …")));
    }
    let mut ballot: Map<String, Value> = pairs
        .into_iter()
        .map(|(field, text)| {
            let value = typed(known.as_ref(), &field, text);
            (field, value)
        })
        .collect();
    // Under its own id a ballot may be sent again, and counts once.
    let id = options.id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    ballot.insert("id".to_owned(), id.clone().into());
    ballot.extend(options.voter.iter().map(|voter| ("voter".to_owned(), Value::from(voter.clone()))));
    let cast = client.clone().patient(PATIENCE).cast(contest, json!(ballot).to_string().into_bytes()).await;
    cast.map_err(|error| refused(error, contest))?;
    if ui.format == Format::Name {
        return Ok(ui.line(id)?);
    }
    if !ui.value(&json!({ "contest": contest, "id": id }))? {
        let line = format!("accepted {id}; see {} contest standings {contest}", ui.program);
        ui.line(line)?;
    }
    Ok(())
}

/// Why the ballot was not taken, and what to change in the command.
fn refused(error: Error, contest: &str) -> Failure {
    let Error::Refused(refusal) = &error else { return absent(error) };
    let Some(first) = refusal.rejected.first() else { return absent(error) };
    let faults: Vec<String> = refusal.rejected.iter().map(Rejected::fault).collect();
    let failure = Failure::failed(faults.join("\n"));
    match (first.field.as_str(), first.code.as_str()) {
        ("voter", "missing") => failure.hint("say who votes: --voter NAME"),
        _ => failure.hint(format_args!("see its fields with `{{marea}} contest show {contest}`")),
    }
}

/// The contest where none is named.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Votes => "bands",
        Kind::Scores => "olympics",
    }
}

/// The contest as the server tells it; `None` where the token may cast and not read.
pub async fn known(client: &Client, contest: &str) -> Result<Option<Contest>, Error> {
    match client.contest(contest).await {
        Ok(contest) => Ok(Some(contest)),
        Err(error) if error.status() == Some(403) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Text from a person or a table as the contest's field has it: the server refuses `"5"` where it wants 5. Of a contest
/// that may not be read, what looks like a number is one.
pub fn typed(contest: Option<&Contest>, field: &str, text: String) -> Value {
    let number = || text.trim().parse::<i64>().ok().map(Value::from);
    let integer = contest.is_none_or(|contest| contest.is_integer(field).unwrap_or_default());
    integer.then(number).flatten().unwrap_or_else(|| text.into())
}
