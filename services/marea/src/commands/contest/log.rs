//! `contest log` and `export`: ballots as rows.

use client::{Client, LogPage};
use contests::generate::csv;
use serde_json::{Map, Value, json};

use super::absent;
use crate::{
    Done,
    cli::{Export, FileFormat, Format, Log},
    failure::Failure,
    table::Table,
    ui::Ui,
};

/// Ballots a page of an export.
const PAGE: &str = "1000";
/// The most that the server gives at once.
const MOST: usize = 1_000;
/// What a ballot has beside its fields.
const OWN: [&str; 4] = ["id", "voter", "time", "verdict"];

pub async fn log(client: &Client, options: &Log, ui: &mut Ui) -> Done {
    let mut query = options.filters.clone();
    let times = [("since", options.since), ("until", options.until)];
    query.extend(times.into_iter().filter_map(|(key, at)| Some((key.to_owned(), at?.to_string()))));
    query.extend(options.verdict.iter().map(|verdict| ("verdict".to_owned(), verdict.clone())));
    let page = up_to(client, options, &query).await?;
    if ui.value(&json!({ "ballots": page.ballots, "next": page.next }))? {
        return Ok(());
    }
    show(&page, &order(client, &options.contest).await, ui)
}

/// The fields in the order of the contest's file: an answer is a map and has none. Where the server does not tell, as
/// they come.
async fn order(client: &Client, contest: &str) -> Vec<String> {
    let defined = client.contest_defined(contest).await;
    defined.map(|(_, d)| d.fields.iter().map(|field| column(&field.name)).collect()).unwrap_or_default()
}

/// The first ballots: the server may give fewer at once than asked for.
async fn up_to(client: &Client, options: &Log, filters: &[(String, String)]) -> Result<LogPage, Failure> {
    let mut found = LogPage { ballots: vec![], next: None };
    loop {
        let limit = (options.limit - found.ballots.len()).min(MOST).to_string();
        let mut query: Vec<(&str, &str)> = filters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        query.push(("limit", &limit));
        query.extend(found.next.as_deref().map(|cursor| ("cursor", cursor)));
        let page = client.ballots(&options.contest, &query).await.map_err(absent)?;
        found.ballots.extend(page.ballots);
        found.ballots.truncate(options.limit);
        found.next = page.next;
        if found.next.is_none() || found.ballots.len() == options.limit {
            return Ok(found);
        }
    }
}

fn show(page: &LogPage, order: &[String], ui: &mut Ui) -> Done {
    let rows: Vec<Vec<(String, String)>> = page.ballots.iter().map(flat).collect();
    if ui.format == Format::Name {
        let ids = rows.iter().flatten().filter(|(key, _)| key == "id");
        return Ok(ids.map(|(_, id)| id).try_for_each(|id| ui.line(id))?);
    }
    if rows.is_empty() {
        return Ok(ui.line("no ballots")?);
    }
    let columns = columns(&rows, order);
    let titles: Vec<String> = columns.iter().map(|c| c.to_uppercase()).collect();
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &rows {
        table.row(cells(row, &columns).into_iter().map(Into::into).collect());
    }
    Ok(table.print(ui)?)
}

pub async fn export(client: &Client, options: &Export, ui: &mut Ui) -> Done {
    let mut known: Option<Vec<String>> = None;
    let mut cursor: Option<String> = None;
    if options.format == FileFormat::Csv {
        known = shown(client, &options.contest).await;
        known.iter().try_for_each(|columns| ui.line(csv(columns.iter().map(String::as_str))))?;
    }
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = client.ballots(&options.contest, &query).await.map_err(absent)?;
        match options.format {
            FileFormat::Ndjson => page.ballots.iter().try_for_each(|b| ui.line(json!(b)))?,
            FileFormat::Csv => table(&page, &mut known, ui)?,
            FileFormat::Json => return Err(Failure::usage("an export is NDJSON or CSV")),
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// The columns that a contest's log may have, by its definition; `None` where the server does not tell it.
async fn shown(client: &Client, contest: &str) -> Option<Vec<String>> {
    let (_, definition) = client.contest_defined(contest).await.ok()?;
    let fields = definition.fields.iter().map(|field| field.name.as_str()).filter(|name| definition.shows(name));
    let voter = (!definition.is_hidden("voter")).then_some("voter");
    Some(fields.map(column).chain(voter.into_iter().chain(["id", "time", "verdict"]).map(str::to_owned)).collect())
}

/// One page as CSV; the first one's columns are the table's, where none are known.
fn table(page: &LogPage, known: &mut Option<Vec<String>>, ui: &mut Ui) -> Done {
    let rows: Vec<_> = page.ballots.iter().map(flat).collect();
    if known.is_none() {
        let first = columns(&rows, &[]);
        ui.line(csv(first.iter().map(String::as_str)))?;
        *known = Some(first);
    }
    let columns = known.as_deref().unwrap_or_default();
    Ok(rows.iter().try_for_each(|row| ui.line(csv(cells(row, columns).iter().map(String::as_str))))?)
}

/// A field's column: a race may have a `time` of its own beside that of its ballots.
fn column(field: &str) -> String {
    if OWN.contains(&field) { format!("fields.{field}") } else { field.to_owned() }
}

/// A ballot's values by name; what is nested one level stands beside the rest.
fn flat(ballot: &Map<String, Value>) -> Vec<(String, String)> {
    let mut row = Vec::new();
    for (key, value) in ballot {
        match value {
            Value::Object(inner) => row.extend(inner.iter().map(|(key, value)| (column(key), text(value)))),
            _ => row.push((key.clone(), text(value))),
        }
    }
    row
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Those of the contest first that any row has, then what else rows have.
fn columns(rows: &[Vec<(String, String)>], order: &[String]) -> Vec<String> {
    let found = |name: &&String| rows.iter().flatten().any(|(key, _)| key == *name);
    let mut columns: Vec<String> = order.iter().filter(found).cloned().collect();
    for (key, _) in rows.iter().flatten() {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    columns
}

fn cells(row: &[(String, String)], columns: &[String]) -> Vec<String> {
    let value = |column: &String| row.iter().find(|(key, _)| key == column).map(|(_, value)| value.clone());
    columns.iter().map(|column| value(column).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests;
